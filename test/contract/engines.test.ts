/** Every engine keeps both contracts. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { openLmdb } from "../../src/engines/lmdb/open.ts";
import { openMemory } from "../../src/engines/memory.ts";
import { channelLogContract, type OpenEngine } from "./channel-log.ts";
import { storeContract } from "./store.ts";

const folders: string[] = [];

const openTempLmdb: OpenEngine = async (options) => {
  const folder = await mkdtemp(join(tmpdir(), "tailrace-engines-"));
  folders.push(folder);
  return openLmdb({ folder, ...options });
};

afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

channelLogContract("memory", openMemory);
storeContract("memory", openMemory);
channelLogContract("lmdb", openTempLmdb);
storeContract("lmdb", openTempLmdb);
