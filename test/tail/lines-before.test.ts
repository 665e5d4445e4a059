/** Reading a log backwards, stretch by stretch, to the beginning. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { realClock } from "../../src/clock.ts";
import { Canoniser } from "../../src/core/batch/canonical.ts";
import { newChannelId, newProducerId } from "../../src/core/ids.ts";
import type { Position } from "../../src/core/position.ts";
import { tailLimits } from "../../src/limits.ts";
import { operatorKeyId } from "../../src/registry/keys.ts";
import { Recent } from "../../src/tail/recent.ts";
import { openSession } from "../../src/tail/session.ts";
import type { SessionSpec } from "../../src/tail/session-url.ts";
import { sessionParts } from "../../src/tail/tail-part.ts";
import { parseEvents } from "../support/event-stream.ts";
import { openPatterns } from "../support/patterns.ts";
import { openMemoryLog } from "./logs.ts";

const channel = newChannelId();
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

type Seen = { readonly number: number; readonly id: Position };

/** A log of batches of 7 lines, `even` and `odd` in turn. */
async function open({ lines = 100, retainLines = Number.POSITIVE_INFINITY, historyLines = 20 } = {}) {
  const log = await openMemoryLog({ retainLines });
  const recent = new Recent({ log, clock: realClock, historyLines, expiryMs: 1e9, ringsBytesMax: 1 << 20 });
  const patterns = openPatterns();
  const parts = sessionParts({ log, recent, clock: realClock, selector: patterns.selector }, tailLimits);
  closing.push(
    () => log.close(),
    () => patterns.close(),
    () => recent.close(),
  );
  const producer = newProducerId();
  for (let line = 0; line < lines; line += 7) {
    const canoniser = new Canoniser("app");
    for (let n = line; n < Math.min(lines, line + 7); n++) {
      const frame = Buffer.from(`<190>1 - h app ${n % 2 === 0 ? "even" : "odd"}.1 - - ${n}`);
      canoniser.add(frame, 0, frame.length, 0);
    }
    await log.append(channel, { ...canoniser.take(), producer, firstLine: line, acceptedAtMs: Date.now() });
    await nextTurn();
  }
  const end = async () => (await log.recent(channel, 0)).end.position;
  const before = async (position: Position, spec: Partial<SessionSpec> = {}) => {
    const wanted: SessionSpec = {
      keyId: operatorKeyId,
      channel,
      lines: 10,
      tail: false,
      before: position,
      filter: {},
      format: "json",
      progress: true,
      ...spec,
    };
    const read = await openSession(parts, wanted, { transport: "events" });
    const seen: Seen[] = [];
    let isAll = false;
    for await (const { bytes } of read(new AbortController().signal)) {
      const { events, named } = parseEvents(bytes);
      for (const { id, data } of events) seen.push({ number: JSON.parse(data).line, id: id as Position });
      for (const { type, data } of named) {
        if (type === "searched") isAll = JSON.parse(data).end === "all";
        if (type === "log-replaced") return "replaced" as const;
      }
    }
    return { seen, isAll };
  };
  return { before, end };
}

type Log = Awaited<ReturnType<typeof open>>;

async function allBackwards(log: Log, spec: Partial<SessionSpec> = {}): Promise<number[]> {
  const numbers: number[] = [];
  for (let place = await log.end(), stretches = 0; stretches < 100; stretches++) {
    const found = await log.before(place, spec);
    if (found === "replaced") throw new Error("the log is the same");
    numbers.unshift(...found.seen.map(({ number }) => number));
    if (found.isAll || found.seen.length === 0) return numbers;
    const [sequence, lines, ...rest] = found.seen[0]!.id.split(".");
    place = [sequence, Number(lines) - 1, ...rest].join(".") as Position;
  }
  throw new Error("it does not come to the beginning");
}

const numbersTo = (end: number, from = 0) => Array.from({ length: end - from }, (_, n) => from + n);

test.each([1, 3, 7, 10, 64, 500])(
  "stretches of %i lines make the whole log, each line once",
  async (lines) => {
    expect(await allBackwards(await open(), { lines })).toEqual(numbersTo(100));
  },
);

test("with a filter they make every line that passes", async () => {
  const found = await allBackwards(await open(), { lines: 9, filter: { dynos: ["odd"] } });
  expect(found).toEqual(numbersTo(100).filter((n) => n % 2 === 1));
});

test.each([{}, { filter: { dynos: ["odd"] } }])(
  "readers who share batches, and begin and end elsewhere in them, get their own lines (%o)",
  async (spec) => {
    const log = await open({ historyLines: 100 });
    for (const lines of [10, 3, 9, 500, 8, 64]) {
      const kept = numbersTo(100).filter((n) => spec.filter === undefined || n % 2 === 1);
      expect(await allBackwards(log, { lines, ...spec })).toEqual(kept);
    }
  },
);

test("it ends where retention does", async () => {
  const found = await allBackwards(await open({ retainLines: 40 }), { lines: 9 });
  expect(found).toEqual(numbersTo(100, found[0]));
  expect(found.length).toBeLessThan(60);
});

test("a place of another log is told", async () => {
  expect(await (await open()).before("3.2.zzzz.abc" as Position)).toBe("replaced");
});
