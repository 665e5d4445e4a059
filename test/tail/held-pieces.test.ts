/** A reader that does not pull holds one piece of what its lines are made into, however it came to its lines. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { realClock } from "../../src/clock.ts";
import { newChannelId } from "../../src/core/ids.ts";
import { tailLimits } from "../../src/limits.ts";
import { operatorKeyId } from "../../src/registry/keys.ts";
import { FrameHistory } from "../../src/tail/frame-history.ts";
import { Recent } from "../../src/tail/recent.ts";
import { openSession, type ReadSession } from "../../src/tail/session.ts";
import type { SessionSpec } from "../../src/tail/session-url.ts";
import { sessionParts } from "../../src/tail/tail-part.ts";
import { batchOf } from "../support/batches.ts";
import { openPatterns } from "../support/patterns.ts";
import { openMemoryLog } from "./logs.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

const channel = newChannelId();
const base: SessionSpec = { keyId: operatorKeyId, channel, tail: false, filter: {}, format: "json" };
const filter = { exclude: "never" };
const sessions: Readonly<Record<string, Partial<SessionSpec>>> = {
  "the newest lines": { lines: 100 },
  "all lines since a time": { sinceMs: 1 },
  "all that pass a filter": { sinceMs: 1, filter },
  "lines that were found": { lines: 100, filter },
  "lines around those that were found": {
    lines: 2,
    filter: { match: "^\\x01+[25]$" },
    around: { before: 1, after: 1 },
  },
  "lines as text": { lines: 100, format: "text" },
  "raw lines": { lines: 100, format: "raw", filter },
};
const batches = 6;

/** Reads all parts. The most of what they are in that was there at a time. */
async function mostHeld(read: ReadSession, own: ReadonlySet<ArrayBufferLike>): Promise<number> {
  const made: WeakRef<ArrayBufferLike>[] = [];
  const pulled = read(new AbortController().signal);
  const pull = async (): Promise<boolean> => {
    const { value } = await pulled.next();
    if (value !== undefined && value.bytes.length > 1_000 && !own.has(value.bytes.buffer))
      made.push(new WeakRef(value.bytes.buffer));
    return value !== undefined;
  };
  let most = 0;
  while (await pull()) {
    await nextTurn();
    collect();
    await nextTurn();
    collect();
    most = Math.max(most, made.filter((ref) => ref.deref() !== undefined).length);
  }
  expect(made.length).toBeGreaterThan(2);
  return most;
}

async function open() {
  const log = await openMemoryLog();
  for (let n = 0; n < batches; n++) {
    const long = "\x01".repeat(60_000);
    const lines = [long, `${long}${n}`];
    const batch = { ...batchOf(lines), producer: "p" as never, firstLine: 2 * n, acceptedAtMs: Date.now() };
    await log.append(channel, batch);
  }
  const recent = new Recent({ log, clock: realClock, historyLines: 50, expiryMs: 1e9, ringsBytesMax: 1 });
  const own = new Set<ArrayBufferLike>();
  for (const { bytes } of (await log.recent(channel, 100)).batches) own.add(bytes.buffer);
  return { log, recent, own };
}

test.each(Object.entries(sessions))("%s", async (_, spec) => {
  const { log, recent, own } = await open();
  const patterns = openPatterns();
  const limits = { ...tailLimits, formatsBytesMax: 1 };
  const parts = sessionParts({ log, recent, clock: realClock, selector: patterns.selector }, limits);
  const read = await openSession(parts, { ...base, ...spec }, { transport: "events" });
  expect(await mostHeld(read, own)).toBe(1);
  await patterns.close();
  await recent.close();
  await log.close();
});

test("frames of history", async () => {
  const { log, recent, own } = await open();
  const { read } = await new FrameHistory({ log, recent, framesBytesMax: 1 }).open(channel, 100);
  expect(await mostHeld(read, own)).toBe(1);
  await recent.close();
  await log.close();
});
