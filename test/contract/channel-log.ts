/** The contract that every engine's log keeps. */
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { encodedBytes, endOf, positionIn, type StoredBatch } from "../../src/core/batch/batch.ts";
import {
  comparePositions,
  isSamePlace,
  logOf,
  origin,
  type Position,
  positionAt,
  readPosition,
} from "../../src/core/position.ts";
import type { Engine, Retention } from "../../src/engines/engine.ts";
import type { ChannelLog, Clock, From } from "../../src/ports.ts";
import {
  batchOf,
  batchOfBytes,
  channelOf,
  placeBeside,
  takeFollowed,
  takeLines,
  textsOf,
} from "../support/batches.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { lentCopy } from "../support/lending-log.ts";
import { until } from "../support/until.ts";

export type OpenEngine = (options: { clock: Clock; retention: Retention }) => Promise<Engine>;

export const keepsAll: Retention = {
  ageMsMax: Infinity,
  channelBytesMax: Infinity,
  channelLinesMax: Infinity,
  totalBytesMax: Infinity,
};

const app = channelOf(1);
const other = channelOf(2);
const start: From = { kind: "after", position: origin };

/** Runs the contract; `open` gives an empty engine each time. */
export function channelLogContract(name: string, open: OpenEngine): void {
  describe(`ChannelLog: ${name}`, () => {
    let engine: Engine;
    let log: ChannelLog;
    let clock: FakeClock;
    let stop: AbortController;

    const reopenWith = async (retention: Partial<Retention>) => {
      await engine.close();
      engine = await open({ clock, retention: { ...keepsAll, ...retention } });
      log = engine.log;
    };
    /** Appends batches of the given texts, accepted now. */
    const write = async (...batches: string[][]) => {
      for (const texts of batches) await log.append(app, batchOf(texts, { acceptedAtMs: clock.nowMs() }));
    };
    const texts = async (from: From, lines: number) =>
      (await takeLines(log.follow(app, from, stop.signal), lines)).flatMap(textsOf);
    const stored = async () => (await log.recent(app, Infinity)).batches;

    beforeEach(async () => {
      clock = new FakeClock();
      stop = new AbortController();
      engine = await open({ clock, retention: keepsAll });
      log = engine.log;
    });
    afterEach(async () => {
      stop.abort();
      await engine.close();
    });

    describe("order and positions", () => {
      test("a follower from the origin gets every batch as it was appended, in order", async () => {
        const batch = batchOf(["a", "b"], { form: "rfc5424", firstLine: 7, acceptedAtMs: 123 });
        await log.append(app, batch);
        await write(["c"]);
        const [first, second] = await takeLines(log.follow(app, start, stop.signal), 3);
        expect(first).toMatchObject({ form: "rfc5424", firstLine: 7, acceptedAtMs: 123, count: 2, line: 0 });
        expect(Buffer.from(first!.bytes)).toEqual(batch.bytes);
        expect(second).toMatchObject({ line: 2, count: 1 });
      });

      test("appends that wait together are stored in the order of the calls", async () => {
        const appended = await Promise.all(
          Array.from({ length: 50 }, (_, i) => log.append(app, batchOf([String(i)]))),
        );
        expect(await texts(start, 50)).toEqual(Array.from({ length: 50 }, (_, i) => String(i)));
        for (let i = 1; i < appended.length; i++) {
          expect(comparePositions(appended[i - 1]!.position, appended[i]!.position)).toBeLessThan(0);
        }
      });

      test("an append's position is the place behind its batch", async () => {
        await write(["a"]);
        const { position } = await log.append(app, batchOf(["b", "c"]));
        const [, second] = await takeLines(log.follow(app, start, stop.signal), 3);
        expect(position).toBe(endOf(second!));
      });

      test("a position resumes strictly behind itself", async () => {
        const { position } = await log.append(app, batchOf(["a"]));
        await write(["b"]);
        expect(await texts({ kind: "after", position }, 1)).toEqual(["b"]);
      });

      test("a position inside a batch yields that batch", async () => {
        await write(["a"], ["b", "c", "d"], ["e"]);
        const [, second] = await stored();
        expect(await texts({ kind: "after", position: positionIn(second!, 1) }, 4)).toEqual([
          "b",
          "c",
          "d",
          "e",
        ]);
        expect(await texts({ kind: "after", position: positionIn(second!, 3) }, 1)).toEqual(["e"]);
      });

      test("channels do not see each other", async () => {
        await log.append(other, batchOf(["theirs"]));
        await write(["ours"]);
        expect(await texts(start, 1)).toEqual(["ours"]);
        expect((await stored())[0]!.line).toBe(0);
      });

      test("from any position of any log, exactly the rest follows", async () => {
        let channels = 100;
        const sizes = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 12 });
        await fc.assert(
          fc.asyncProperty(sizes, fc.nat(), fc.nat(), async (counts, pick, within) => {
            const channel = channelOf(channels++);
            for (const count of counts) await log.append(channel, batchOf(Array<string>(count).fill("x")));
            const { batches } = await log.recent(channel, Infinity);
            const at = batches[pick % batches.length]!;
            const lines = within % (at.count + 1);
            const total = counts.reduce((a, b) => a + b, 0);
            const rest = batches.filter(({ line, count }) => line + count > at.line + lines);
            const from: From = { kind: "after", position: positionIn(at, lines) };
            const got = await takeLines(
              log.follow(channel, from, stop.signal),
              total - (rest[0]?.line ?? total),
            );
            expect(got.map(({ line }) => line)).toEqual(rest.map(({ line }) => line));
          }),
          { numRuns: 40 },
        );
      });
    });

    describe("positions of another log", () => {
      const fromAfter = (position: Position): From => ({ kind: "after", position });
      /** Positions as they were printed before they named their log. */
      const old = (position: Position) => {
        const { sequence, lines } = readPosition(position)!;
        return positionAt(sequence, lines);
      };
      const followed = (position: Position, count: number) =>
        takeFollowed(log.follow(app, fromAfter(position), stop.signal), count);

      test("are told before the oldest line of this one, wherever in it they would be", async () => {
        const places = [origin];
        for (const text of ["a", "b", "c"]) places.push((await log.append(app, batchOf([text]))).position);
        await reopenWith({});
        for (let i = 0; i < 5; i++) await log.append(app, batchOf([`${i}`], { firstLine: 100 + i }));
        expect(await followed(places.shift()!, 5)).toEqual([["0"], ["1"], ["2"], ["3"], ["4"]]);
        for (const place of places) {
          expect(await followed(place, 3)).toEqual(["foreign", ["0"], ["1"]]);
        }
      });

      test("are told at once where this one has no line yet, and its first one follows", async () => {
        const { position } = await log.append(app, batchOf(["a"]));
        await reopenWith({});
        const reading = log.follow(app, fromAfter(position), stop.signal)[Symbol.asyncIterator]();
        expect(await reading.next()).toEqual({ done: false, value: "foreign" });
        const next = reading.next();
        await write(["b"]);
        const { value } = await next;
        expect(textsOf(value as StoredBatch)).toEqual(["b"]);
      });

      test("are those of a channel that was destroyed and begins again", async () => {
        await write(["a"]);
        const { position } = await log.append(app, batchOf(["b"], { firstLine: 1 }));
        await log.destroy(app);
        for (let i = 0; i < 3; i++) await log.append(app, batchOf([`${i}`], { firstLine: 10 + i }));
        expect(await followed(position, 2)).toEqual(["foreign", ["0"]]);
      });

      test("are those of another channel", async () => {
        await log.append(other, batchOf(["theirs"], { firstLine: 1 }));
        const { position } = await log.append(other, batchOf(["theirs"], { firstLine: 2 }));
        for (let i = 0; i < 3; i++) await log.append(app, batchOf([`${i}`], { firstLine: 10 + i }));
        expect(await followed(position, 2)).toEqual(["foreign", ["0"]]);
      });

      test("are those that lie behind the end, with or without a name", async () => {
        const { position } = await log.append(app, batchOf(["a", "b"]));
        const { sequence, incarnation } = readPosition(position)!;
        for (const place of [
          positionAt(sequence + 1000, 5),
          positionAt(sequence, 3),
          positionAt(sequence + 1, 1, logOf(incarnation!)),
        ]) {
          expect(await followed(place, 2)).toEqual(["foreign", ["a", "b"]]);
        }
      });

      test("are none that this one gave, in the form of before too, whatever is trimmed since", async () => {
        await reopenWith({ channelLinesMax: 6 });
        const places: Position[] = [];
        for (let i = 0; i < 6; i++) {
          const { position } = await log.append(app, batchOf([`${i}a`, `${i}b`], { firstLine: 2 * i }));
          const { batches, end } = await log.recent(app, 2);
          expect(end.position).toBe(position);
          places.push(position, end.position, positionIn(batches.at(-1)!, 0), positionIn(batches.at(-1)!, 1));
        }
        await until(async () => {
          await clock.advance(100);
          return (await stored()).length <= 3;
        });
        await write(["last"]);
        for (const place of places.flatMap((position) => [position, old(position)])) {
          const [first] = await takeLines(log.follow(app, fromAfter(place), stop.signal), 1);
          expect(first).toBeDefined();
        }
      });
    });

    describe("where a follower starts", () => {
      test("`last` begins with the batch that holds the first of those lines", async () => {
        await write(["a"], ["b", "c"], ["d"]);
        expect(await texts({ kind: "last", lines: 1 }, 1)).toEqual(["d"]);
        expect(await texts({ kind: "last", lines: 2 }, 3)).toEqual(["b", "c", "d"]);
        expect(await texts({ kind: "last", lines: 3 }, 3)).toEqual(["b", "c", "d"]);
        expect(await texts({ kind: "last", lines: 99 }, 4)).toEqual(["a", "b", "c", "d"]);
      });

      test("`last` of no lines begins with what comes next", async () => {
        await write(["old"]);
        const following = texts({ kind: "last", lines: 0 }, 1);
        await write(["new"]);
        expect(await following).toEqual(["new"]);
      });

      test("`since` begins with the first batch that was accepted then or later", async () => {
        const beginMs = clock.nowMs();
        for (let i = 0; i < 20; i++) {
          await write([`${i}a`, `${i}b`]);
          await clock.advance(1000);
        }
        expect(await texts({ kind: "since", timeMs: beginMs + 7000 }, 1)).toEqual(["7a", "7b"]);
        expect(await texts({ kind: "since", timeMs: beginMs + 7001 }, 1)).toEqual(["8a", "8b"]);
        expect(await texts({ kind: "since", timeMs: 0 }, 1)).toEqual(["0a", "0b"]);
        const late = texts({ kind: "since", timeMs: clock.nowMs() }, 1);
        await write(["late"]);
        expect(await late).toEqual(["late"]);
      });

      test("`now` is the moment of the call, not of the first pull", async () => {
        await write(["old"]);
        const following = log.follow(app, { kind: "now" }, stop.signal);
        await write(["new"]);
        expect((await takeLines(following, 1)).flatMap(textsOf)).toEqual(["new"]);
      });

      test("a channel that never had a line can be followed", async () => {
        const following = texts(start, 1);
        await write(["first"]);
        expect(await following).toEqual(["first"]);
      });
    });

    describe("history, then live", () => {
      test("followers that join while many appends are under way see each line once", async () => {
        const total = 400;
        const followers: Promise<StoredBatch[]>[] = [];
        const appends: Promise<unknown>[] = [];
        for (let i = 0; i < total; i++) {
          appends.push(log.append(app, batchOf([String(i)])));
          if (i % 37 === 0) followers.push(takeLines(log.follow(app, start, stop.signal), total));
          if (i % 11 === 0) await appends.at(-1);
        }
        await Promise.all(appends);
        for (const batches of await Promise.all(followers)) {
          expect(batches.map(({ line }) => line)).toEqual(Array.from({ length: total }, (_, i) => i));
        }
      });

      test("live followers are handed the same object", async () => {
        const three = [1, 2, 3].map(() => takeLines(log.follow(app, { kind: "now" }, stop.signal), 1));
        await write(["a"]);
        const [one, two, last] = await Promise.all(three);
        expect(one![0]).toBe(two![0]);
        expect(one![0]).toBe(last![0]);
      });

      // Each with a signal of its own, as readers have: adding a listener to a signal walks over all that it has.
      test("a batch in memory that is used again stays as it is for all who hold it, and for the log", async () => {
        const followers = [1, 2, 3].map(() => log.follow(app, start, stop.signal)[Symbol.asyncIterator]());
        const next = () => Promise.all(followers.map(async (one) => (await one.next()).value as StoredBatch));
        const handed = [next()];
        for (let n = 0; n < 20; n++) {
          const { batch, memory } = lentCopy(batchOf([`line ${n}`]));
          await log.append(app, batch, memory);
          const [first, second, third] = await handed.shift()!;
          handed.push(next());
          first!.memory?.release();
          expect(textsOf(second!)).toEqual([`line ${n}`]);
          second!.memory?.release();
          expect(textsOf(third!)).toEqual([`line ${n}`]);
          if (n % 2 === 0) third!.memory?.release();
        }
        stop.abort();
        await handed[0];
        expect((await stored()).flatMap(textsOf)).toEqual(Array.from({ length: 20 }, (_, n) => `line ${n}`));
      });

      test("ten thousand live followers each get a line that comes", async () => {
        const followers = Array.from({ length: 10_000 }, (_, i) =>
          takeLines(log.follow(channelOf(i % 100), { kind: "now" }, new AbortController().signal), 1),
        );
        for (let i = 0; i < 100; i++) await log.append(channelOf(i), batchOf([String(i)]));
        const got = await Promise.all(followers);
        expect(got.every(([batch], i) => textsOf(batch!)[0] === String(i % 100))).toBe(true);
      });

      test("a follower that pulls late gets everything in order", async () => {
        const slow = log.follow(app, start, stop.signal)[Symbol.asyncIterator]();
        await write(["0"]);
        expect((await slow.next()).value!.line).toBe(0);
        const many = 3000;
        await Promise.all(Array.from({ length: many }, () => log.append(app, batchOfBytes(20_000))));
        for (let line = 1; line <= many; line++) expect((await slow.next()).value!.line).toBe(line);
      });
    });

    describe("ends", () => {
      test("a follower that waits ends when its signal is aborted", async () => {
        const following = takeLines(log.follow(app, start, stop.signal), 1);
        stop.abort();
        expect(await following).toEqual([]);
      });

      test("a follower whose signal was aborted before ends at once", async () => {
        await write(["a"]);
        expect(await takeLines(log.follow(app, start, AbortSignal.abort()), 1)).toEqual([]);
      });

      test("closing ends followers and refuses appends", async () => {
        const following = takeLines(log.follow(app, start, stop.signal), 1);
        await log.close();
        expect(await following).toEqual([]);
        await expect(log.append(app, batchOf(["a"]))).rejects.toMatchObject({
          code: "STORE_UNAVAILABLE",
          message: expect.stringContaining("nothing was stored"),
        });
        await log.close();
      });

      test("closing waits for appends under way", async () => {
        const appends = Array.from({ length: 10 }, () => log.append(app, batchOf(["a"])));
        await engine.close();
        await expect(Promise.all(appends)).resolves.toHaveLength(10);
      });

      test("destroying removes the lines and ends the followers, of this channel alone", async () => {
        await write(["a"], ["b"]);
        await log.append(other, batchOf(["theirs"]));
        const following = takeLines(log.follow(app, start, stop.signal), 3);
        const theirs = takeLines(log.follow(other, start, stop.signal), 2);
        await until(async () => true);
        await log.destroy(app);
        await following;
        expect(await stored()).toEqual([]);
        await log.append(other, batchOf(["more"]));
        expect((await theirs).flatMap(textsOf)).toEqual(["theirs", "more"]);
      });

      test("a destroyed channel may begin again, empty", async () => {
        await write(["a"]);
        const destroyed = log.destroy(app);
        const again = log.append(app, batchOf(["b"]));
        await Promise.all([destroyed, again]);
        expect((await stored()).flatMap(textsOf)).toEqual(["b"]);
        await log.destroy(app);
        await log.destroy(app);
        expect(await stored()).toEqual([]);
      });
    });

    describe("recent", () => {
      test("gives the newest batches that hold enough lines, and the end", async () => {
        await write(["a"], ["b", "c"], ["d"]);
        const { batches, end } = await log.recent(app, 2);
        expect(batches.flatMap(textsOf)).toEqual(["b", "c", "d"]);
        expect(end).toEqual({ position: endOf(batches.at(-1)!), line: 4 });
        expect((await log.recent(app, 0)).batches).toEqual([]);
        expect((await log.recent(app, 99)).batches.flatMap(textsOf)).toEqual(["a", "b", "c", "d"]);
      });

      test("reads backwards, before a line and within so many bytes", async () => {
        await write(["a"], ["b", "c"], ["d"], ["e", "f"]);
        const { end } = await log.recent(app, 0);
        const back = async (endLine: number, lines: number, bytesMax = Infinity) => {
          const recent = await log.recent(app, lines, { endLine, bytesMax });
          expect(recent.end).toEqual(end);
          return recent.batches.map((batch) => textsOf(batch).join(""));
        };
        expect(await back(4, 1)).toEqual(["d"]);
        expect(await back(4, 2)).toEqual(["bc", "d"]);
        expect(await back(3, 2)).toEqual(["bc"]);
        expect(await back(3, 99)).toEqual(["a", "bc"]);
        expect(await back(2, 1)).toEqual(["bc"]); // line 2 is amid a batch: it begins before
        expect(await back(1, 9)).toEqual(["a"]);
        expect(await back(0, 9)).toEqual([]);
        expect(await back(99, 3)).toEqual(["d", "ef"]);
        const [one] = (await log.recent(app, 1, { endLine: 4 })).batches;
        expect(await back(4, 99, one!.bytes.length)).toEqual(["d"]);
        expect(await back(4, 99, 1)).toEqual(["d"]);
        expect(await back(4, 99, 2 * one!.bytes.length)).toEqual(["d"]);
        expect(await back(4, 99, 3 * one!.bytes.length)).toEqual(["bc", "d"]);
      });

      test("read backwards step by step, any log is what it is read forwards", async () => {
        let channels = 1000;
        const sizes = fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 12 });
        const bound = fc.integer({ min: 1, max: 400 });
        const run = async (counts: readonly number[], lines: number, bytesMax: number) => {
          const channel = channelOf(channels++);
          for (const count of counts) await log.append(channel, batchOf(Array<string>(count).fill("x")));
          const whole = (await log.recent(channel, Infinity)).batches;
          const steps: StoredBatch[] = [];
          for (let endLine = Infinity; ; endLine = steps[0]!.line) {
            const { batches } = await log.recent(channel, lines, { endLine, bytesMax });
            if (batches.length === 0) break;
            steps.unshift(...batches);
          }
          expect(steps.map(({ line }) => line)).toEqual(whole.map(({ line }) => line));
        };
        await fc.assert(fc.asyncProperty(sizes, fc.integer({ min: 1, max: 9 }), bound, run), { numRuns: 30 });
      });

      test("of a channel that never had a line is empty and ends at the origin", async () => {
        expect(await log.recent(other, 10)).toEqual({ batches: [], end: { position: origin, line: 0 } });
      });
    });

    describe("retention", () => {
      /** Time passes until nothing but `lines` is left: engines trim a little at a time. */
      const left = (lines: readonly string[]) =>
        until(async () => {
          await clock.advance(100);
          const texts = (await stored()).flatMap(textsOf);
          return texts.length === lines.length && texts.every((text, i) => text === lines[i]);
        });

      test("by lines keeps the newest batches of a channel", async () => {
        await reopenWith({ channelLinesMax: 5 });
        for (let i = 0; i < 12; i++) await write([`${i}a`, `${i}b`]);
        await left(["10a", "10b", "11a", "11b"]);
      });

      test("by bytes keeps the newest batches of a channel", async () => {
        await reopenWith({ channelBytesMax: 3 * encodedBytes(batchOf(["0"])) });
        for (let i = 0; i < 9; i++) await write([String(i)]);
        await left(["6", "7", "8"]);
      });

      test("a channel's limits leave its newest batch", async () => {
        await reopenWith({ channelBytesMax: 10, channelLinesMax: 1 });
        await write(["a"], ["b", "c", "d"]);
        await left(["b", "c", "d"]);
      });

      test("by age takes old lines of a channel that nobody writes to", async () => {
        await reopenWith({ ageMsMax: 60_000 });
        await write(["old"]);
        await clock.advance(50_000);
        await write(["young"]);
        await clock.advance(15_000);
        await left(["young"]);
        await clock.advance(60_000);
        await left([]);
      });

      test("by all bytes takes the oldest lines first, whosever they are", async () => {
        await reopenWith({ totalBytesMax: 2_000_000 });
        const big = (channel: number) =>
          log.append(channelOf(channel), batchOfBytes(100_000, { acceptedAtMs: clock.nowMs() }));
        for (let i = 0; i < 10; i++) await big(1);
        await clock.advance(3_600_000);
        for (let i = 0; i < 15; i++) await big(2);
        const held = async (channel: number) =>
          (await log.recent(channelOf(channel), Infinity)).batches.length;
        await until(async () => {
          await clock.advance(100);
          return (await held(1)) + (await held(2)) <= 20;
        });
        expect(await held(2)).toBe(15);
        expect(await held(1)).toBeGreaterThan(0);
      });

      test("no line number is used twice, also when everything was trimmed", async () => {
        await reopenWith({ ageMsMax: 1000 });
        await write(["a", "b"], ["c"]);
        const { end } = await log.recent(app, 1);
        await clock.advance(5000);
        await left([]);
        expect((await log.recent(app, 1)).end).toEqual(end);
        await write(["d"]);
        expect(await stored()).toMatchObject([{ line: 3, count: 1 }]);
      });

      test("the first batch left tells a reader how many lines are gone", async () => {
        const { position } = await log.append(app, batchOf(["a", "b", "c"]));
        const inside = `${readPosition(position)!.sequence}.1` as typeof position;
        await reopenWith({ channelLinesMax: 2 });
        for (const batch of [["a", "b", "c"], ["d"], ["e", "f"]]) await write(batch);
        await left(["e", "f"]);
        const [next] = await takeLines(log.follow(app, { kind: "after", position: inside }, stop.signal), 1);
        // Behind line 1 of the first batch: b, c, and d are gone, whatever stood in the log before them.
        expect(textsOf(next!)).toEqual(["e", "f"]);
        expect(next!.line).toBe((await log.recent(app, 1)).end.line - 2);
      });

      test("a position tells the number of the line behind it, though its batch is trimmed", async () => {
        await reopenWith({ channelLinesMax: 2 });
        const { position } = await log.append(app, batchOf(["a", "b", "c"]));
        const places = [position, placeBeside(position, 1), positionIn((await stored())[0]!, 2)];
        for (const batch of [["d"], ["e", "f"]]) await write(batch);
        await left(["e", "f"]);
        for (const [place, line] of [3, 1, 2].entries())
          expect(await log.lineAfter(app, places[place]!)).toBe(line);
      });

      test("a follower that retention passes goes on with what is left", async () => {
        await reopenWith({ ageMsMax: 10_000 });
        const late = log.follow(app, start, stop.signal);
        await write(["a"], ["b"], ["c"]);
        await clock.advance(20_000);
        await left([]);
        const next = takeLines(late, 1);
        await write(["d"]);
        expect(await next).toMatchObject([{ line: 3 }]);
      });
    });

    describe("a time of day that jumps", () => {
      const dayMs = 86_400_000;
      const hourMs = 3_600_000;
      const withId = (dedupId: string) =>
        log.append(app, batchOf(["a"], { dedupId, acceptedAtMs: clock.nowMs() }));
      const texts = async () => (await stored()).flatMap(textsOf);
      /** Time in which an engine trims whatever it would, with each append too. */
      const pass = async (ms: number) => {
        for (let passed = 0; passed < ms; passed += ms / 20) {
          await clock.advance(ms / 20);
          await log.append(other, batchOf(["theirs"], { acceptedAtMs: clock.nowMs() }));
        }
      };

      test.each([8 * dayMs, -2 * dayMs])(
        "by %d ms and back takes no line that is not old",
        async (jumpMs) => {
          await reopenWith({ ageMsMax: 7 * dayMs });
          await write(["before"]);
          clock.jump(jumpMs);
          await write(["during"]);
          await pass(30 * 60_000);
          await write(["later"]);
          expect(await texts()).toEqual(["before", "during", "later"]);
          clock.jump(-jumpMs);
          await pass(30 * 60_000);
          await write(["after"]);
          expect(await texts()).toEqual(["before", "during", "later", "after"]);
        },
      );

      test("back and forth takes no line that came meanwhile before it is old", async () => {
        await reopenWith({ ageMsMax: hourMs });
        clock.jump(-2 * dayMs);
        await write(["a"], ["b"]);
        clock.jump(2 * dayMs);
        await pass(50 * 60_000);
        expect(await texts()).toEqual(["a", "b"]);
      });

      test("back and forth leaves lines that came meanwhile no longer than others", async () => {
        await reopenWith({ ageMsMax: hourMs });
        clock.jump(-2 * dayMs);
        await write(["a"], ["b"]);
        clock.jump(2 * dayMs);
        await until(async () => {
          await clock.advance(60_000);
          return (await texts()).length === 0;
        });
      });

      test("forward is believed when it has lasted an hour", async () => {
        await reopenWith({ ageMsMax: 7 * dayMs });
        await write(["old"]);
        clock.jump(8 * dayMs);
        await pass(59 * 60_000);
        expect(await texts()).toEqual(["old"]);
        await until(async () => {
          await clock.advance(60_000);
          return (await texts()).length === 0;
        });
      });

      test.each([8 * dayMs, -2 * dayMs, 700_000, -700_000])(
        "by %d ms stores a repeat once, however often it jumps",
        async (jumpMs) => {
          await withId("id");
          await clock.advance(1000);
          clock.jump(jumpMs);
          expect((await withId("id")).repeated).toBe(true);
          clock.jump(-2 * jumpMs);
          await clock.advance(60_000);
          expect((await withId("id")).repeated).toBe(true);
          expect(await texts()).toEqual(["a"]);
        },
      );
    });

    describe("dedup ids", () => {
      const withId = (text: string, dedupId: string) =>
        log.append(app, batchOf([text], { dedupId, acceptedAtMs: clock.nowMs() }));

      test("an append whose id was stored stores nothing and names the first one's place", async () => {
        const first = await withId("a", "id");
        await write(["b"]);
        const again = await withId("a", "id");
        expect(again.repeated).toBe(true);
        expect(isSamePlace(again.position, first.position)).toBe(true);
        expect(first.repeated).toBe(false);
        expect((await stored()).flatMap(textsOf)).toEqual(["a", "b"]);
      });

      test("an id counts while its first append is still under way", async () => {
        const answers = await Promise.all([withId("a", "id"), withId("a", "id"), withId("b", "other")]);
        expect(answers.map(({ repeated }) => repeated)).toEqual([false, true, false]);
        expect((await stored()).flatMap(textsOf)).toEqual(["a", "b"]);
      });

      test("ids belong to their channel", async () => {
        await withId("a", "id");
        expect((await log.append(other, batchOf(["a"], { dedupId: "id" }))).repeated).toBe(false);
      });

      test("an id is forgotten after 10 minutes, not before", async () => {
        await withId("a", "id");
        await clock.advance(10 * 60_000 - 1);
        expect((await withId("a", "id")).repeated).toBe(true);
        await clock.advance(1);
        expect((await withId("a", "id")).repeated).toBe(false);
      });

      test("a channel that was destroyed has no ids", async () => {
        await withId("a", "id");
        await log.destroy(app);
        expect((await withId("a", "id")).repeated).toBe(false);
      });
    });
  });
}
