/** Every engine keeps both contracts. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { openEmbedded } from "../../src/engines/embedded.ts";
import { openMemory } from "../../src/engines/memory.ts";
import { channelLogContract, type OpenEngine } from "./channel-log.ts";
import { checkpointSheetsContract } from "./checkpoint-sheets.ts";
import { storeContract } from "./store.ts";

const folders: string[] = [];

const openTempEmbedded: OpenEngine = async (options) => {
  const folder = await mkdtemp(join(tmpdir(), "tailrace-engines-"));
  folders.push(folder);
  return openEmbedded({ folder, ...options, writes: { smallMin: 1 } });
};

afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

channelLogContract("memory", openMemory);
storeContract("memory", openMemory);
checkpointSheetsContract("memory", openMemory);
channelLogContract("embedded", openTempEmbedded);
storeContract("embedded", openTempEmbedded);
checkpointSheetsContract("embedded", openTempEmbedded);
