import { setImmediate as nextTurn } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { realClock } from "../../src/clock.ts";
import { Canoniser } from "../../src/core/batch/canonical.ts";
import { newChannelId, newProducerId } from "../../src/core/ids.ts";
import type { Position } from "../../src/core/position.ts";
import { tailLimits } from "../../src/limits.ts";
import { operatorKeyId } from "../../src/registry/keys.ts";
import { Recent } from "../../src/tail/recent.ts";
import { openSession, type Reader } from "../../src/tail/session.ts";
import type { SessionSpec } from "../../src/tail/session-url.ts";
import { sessionParts, type TailPart } from "../../src/tail/tail-part.ts";
import { parseEvents } from "../support/event-stream.ts";
import { openPatterns } from "../support/patterns.ts";
import { openMemoryLog } from "./logs.ts";

const channel = newChannelId();
const base: SessionSpec = {
  keyId: operatorKeyId,
  channel,
  lines: 100,
  tail: true,
  filter: {},
  format: "json",
};

// A log whose lines are numbered, and readers that pull when the test says so. Without a ring all comes from the log.
async function open(retainLines: number, { ringsBytesMax = 1 << 20 } = {}) {
  const log = await openMemoryLog({ retainLines });
  const recent = new Recent({ log, clock: realClock, historyLines: 50, expiryMs: 1e9, ringsBytesMax });
  const patterns = openPatterns();
  const parts = sessionParts({ log, recent, clock: realClock, selector: patterns.selector }, tailLimits);
  const producer = newProducerId();
  let line = 0;
  return {
    async append(count: number) {
      const canoniser = new Canoniser("app");
      for (let n = 0; n < count; n++) {
        const frame = Buffer.from(`<190>1 - h app ${line % 2 === 0 ? "even" : "odd"}.1 - - ${line}`);
        canoniser.add(frame, 0, frame.length, 0);
        line++;
      }
      const batch = { ...canoniser.take(), producer, firstLine: line - count, acceptedAtMs: Date.now() };
      await log.append(channel, batch);
      await nextTurn(); // the ring follows
    },
    lines: () => line,
    async read(spec: Partial<SessionSpec> = {}, reader: Partial<Reader> = {}) {
      const stop = new AbortController();
      const read = await openSession(parts, { ...base, ...spec }, { transport: "events", ...reader });
      const pulled = read(stop.signal);
      return {
        next: async () => eventsOf((await pulled.next()).value ?? undefined),
        async stop() {
          stop.abort();
          await pulled.return();
        },
        /** All to the end of a history. */
        async rest() {
          const events: Event[] = [];
          for await (const part of pulled) events.push(...eventsOf(part).events);
          return events;
        },
      };
    },
    async close() {
      await patterns.close();
      await recent.close();
      await log.close();
    },
  };
}

type Event = { readonly lost: number } | { readonly line: number; readonly id: Position };

function eventsOf(part: TailPart | undefined): { isOver: boolean; events: Event[] } {
  if (part === undefined) return { isOver: true, events: [] };
  const events = parseEvents(part.bytes).events.map(({ id, data }): Event => {
    const { dyno, message } = JSON.parse(data) as { dyno: string; message: string };
    return dyno === "logplex"
      ? { lost: Number(/dropped (\d+) messages/.exec(message)![1]) }
      : { line: Number(message), id: id as Position };
  });
  expect(part.count).toBe(events.length);
  return { isOver: false, events };
}

describe("a session", () => {
  test("of history alone counts what retention took of it, and does not wait for more", async () => {
    const log = await open(40, { ringsBytesMax: 1 });
    for (let n = 0; n < 3; n++) await log.append(10);
    const reader = await log.read({ tail: false });
    await reader.next(); // where it starts
    expect((await reader.next()).events).toHaveLength(10);
    for (let n = 0; n < 5; n++) await log.append(20);
    expect(await reader.rest()).toEqual([{ lost: 20 }]);
    await log.close();
  });

  test("that resumes behind lines that are gone counts them, and sends what there is", async () => {
    const log = await open(20, { ringsBytesMax: 1 });
    await log.append(10);
    const before = await log.read({ tail: false });
    const [, , third] = await before.rest();
    for (let n = 0; n < 5; n++) await log.append(10);
    const after = await log.read({ tail: false }, { after: (third as { id: Position }).id });
    const [lost, ...lines] = await after.rest();
    expect(lost).toEqual({ lost: 40 - (third as { line: number }).line - 1 });
    expect(lines.map((events) => "line" in events && events.line)).toEqual(
      Array.from({ length: 20 }, (_, n) => 40 + n),
    );
    await log.close();
  });

  test("tells each line once or counts it as lost, whatever is appended, pulled and evicted when", async () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ append: fc.integer({ min: 1, max: 9 }) }) },
      { weight: 4, arbitrary: fc.constant("pull" as const) },
      { weight: 1, arbitrary: fc.constant("resume" as const) },
    );
    const run = async (
      steps: readonly ({ append: number } | "pull" | "resume")[],
      before: number,
      retainLines: number,
      ringsBytesMax: number,
      lines: number,
      filtered: boolean,
    ) => {
      const log = await open(retainLines, { ringsBytesMax });
      for (let n = 0; n < before; n++) await log.append(3);
      const onlyOdd = retainLines > 100 && filtered; // a loss counts lines that the filter would have dropped
      const spec = { lines, filter: onlyOdd ? { dynos: ["odd"] } : {} };
      const wanted = (line: number) => !onlyOdd || line % 2 === 1;
      let reader = await log.read(spec);
      let started = false;
      let due = Number.NaN; // the next line that was neither told nor counted
      let last: { readonly line: number; readonly id: Position } | undefined;
      const take = (events: readonly Event[]) => {
        for (const one of events) {
          if ("lost" in one) {
            due += one.lost;
            continue;
          }
          if (!started) due = one.line;
          while (due < one.line && !wanted(due)) due++; // not shown, not lost
          expect(one.line).toBe(due);
          due++;
          started = true;
          last = one;
        }
      };
      // A pull that finds nothing stays pending.
      let pending: ReturnType<typeof reader.next> | undefined;
      const pull = async (): Promise<boolean> => {
        pending ??= reader.next();
        const quiet = nextTurn()
          .then(nextTurn)
          .then(() => undefined);
        const part = await Promise.race([pending, quiet]);
        if (part === undefined) return false;
        pending = undefined;
        take(part.events);
        return !part.isOver;
      };
      const stop = async () => {
        await reader.stop();
        take((await pending)?.events ?? []);
        pending = undefined;
      };
      for (const each of steps) {
        if (typeof each === "object") await log.append(each.append);
        else if (each === "pull") await pull();
        else if (last !== undefined) {
          await stop();
          reader = await log.read(spec, { after: last.id });
          due = last.line + 1; // a loss that was told behind that line is told once more
        }
      }
      while (await pull());
      await stop();
      if (started) {
        while (due < log.lines() && !wanted(due)) due++;
        expect(due).toBe(log.lines());
      }
      await log.close();
    };
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 25 }),
        fc.integer({ min: 0, max: 12 }),
        fc.constantFrom(6, 15, 1000),
        fc.constantFrom(1, 6000, 1 << 20),
        fc.integer({ min: 0, max: 30 }),
        fc.boolean(),
        run,
      ),
      { numRuns: 150 },
    );
  });
});
