/** The journal keeps the contract of a log. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { folderDisk } from "../../src/engines/journal/disk.ts";
import { openJournal } from "../../src/engines/journal/open.ts";
import { openMemory } from "../../src/engines/memory.ts";
import { channelLogContract } from "./channel-log.ts";

const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

channelLogContract("journal", async (options) => {
  const folder = await mkdtemp(join(tmpdir(), "tailrace-journal-"));
  folders.push(folder);
  const { log, close } = await openJournal({ disk: folderDisk(folder), ...options });
  const { store } = await openMemory(options);
  return {
    log,
    store,
    async close() {
      await close();
      await store.close();
    },
  };
});
