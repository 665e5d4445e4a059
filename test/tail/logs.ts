/** Logs for these tests: the model, and the embedded engine in a folder of its own. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { realClock } from "../../src/clock.ts";
import { openEmbedded } from "../../src/engines/embedded.ts";
import { openMemory } from "../../src/engines/memory.ts";
import type { ChannelLog, Clock } from "../../src/ports.ts";

type LogOptions = { readonly retainLines?: number; readonly clock?: Clock };

const optionsOf = ({ retainLines = Number.POSITIVE_INFINITY, clock = realClock }: LogOptions) => ({
  clock,
  retention: {
    ageMsMax: Number.POSITIVE_INFINITY,
    channelBytesMax: Number.POSITIVE_INFINITY,
    channelLinesMax: retainLines,
    totalBytesMax: Number.POSITIVE_INFINITY,
  },
});

/** A log in memory that keeps `retainLines` lines of each channel. */
export async function openMemoryLog(options: LogOptions = {}): Promise<ChannelLog> {
  return (await openMemory(optionsOf(options))).log;
}

/** The same on disk; closing it removes the disk's files. */
async function openEmbeddedLog(options: LogOptions = {}): Promise<ChannelLog> {
  const folder = await mkdtemp(join(tmpdir(), "tailrace-tail-"));
  const engine = await openEmbedded({ folder, ...optionsOf(options) });
  const { log } = engine;
  return {
    append: (...args) => log.append(...args),
    follow: (...args) => log.follow(...args),
    recent: (...args) => log.recent(...args),
    lineAfter: (...args) => log.lineAfter(...args),
    destroy: (...args) => log.destroy(...args),
    async close() {
      await engine.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** For `describe.each`. */
export const engines = [
  { engine: "memory", openLog: openMemoryLog },
  { engine: "embedded", openLog: openEmbeddedLog },
] as const;
