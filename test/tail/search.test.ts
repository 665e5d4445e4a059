import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { EventStreamReader } from "../../cli/api/event-stream.ts";
import { realClock } from "../../src/clock.ts";
import type { FilterSpec } from "../../src/core/filter/line-filter.ts";
import { type ChannelId, newChannelId, newProducerId } from "../../src/core/ids.ts";
import { tailLimits } from "../../src/limits.ts";
import type { Patterns } from "../../src/patterns/patterns.ts";
import type { ChannelLog } from "../../src/ports.ts";
import { operatorKeyId } from "../../src/registry/keys.ts";
import { Recent } from "../../src/tail/recent.ts";
import { searchMsMax } from "../../src/tail/search.ts";
import { Searches } from "../../src/tail/searches.ts";
import { openSession } from "../../src/tail/session.ts";
import type { SessionSpec } from "../../src/tail/session-url.ts";
import { sessionParts } from "../../src/tail/tail-part.ts";
import { batchOf } from "../support/batches.ts";
import { FakeClock, settled } from "../support/fake-clock.ts";
import { openPatterns, patternsInProcess } from "../support/patterns.ts";
import { engines, openMemoryLog } from "./logs.ts";

type Searched = { lines: number; since: string | null; matches: number; end: string | null };

/** Threads that never answer, so that time is all that goes by. */
const stuck = () => openPatterns({ threadsMax: 0, hereMax: 0 });

class World {
  readonly channel: ChannelId = newChannelId();
  readonly log: ChannelLog;
  readonly recent: Recent;
  readonly patterns: Patterns;
  readonly clock: FakeClock;
  readonly parts: ReturnType<typeof sessionParts>;
  #line = 0;

  constructor(log: ChannelLog, { ringsBytesMax = 1, patterns = openPatterns(), searches = {} } = {}) {
    this.log = log;
    this.clock = new FakeClock({ startMs: Date.now() });
    this.patterns = patterns;
    this.recent = new Recent({ log, clock: realClock, historyLines: 50, expiryMs: 1e13, ringsBytesMax });
    const given = { log, recent: this.recent, clock: this.clock, selector: patterns.selector };
    this.parts = sessionParts(given, { ...tailLimits, ...searches });
  }

  async append(texts: readonly string[], acceptedAtMs = Date.now()): Promise<void> {
    const batch = batchOf(texts, { producer: newProducerId(), firstLine: this.#line, acceptedAtMs });
    this.#line += texts.length;
    await this.log.append(this.channel, batch);
  }

  async open(spec: Partial<SessionSpec>, transport: "events" | "plain" = "events", after?: string) {
    const stop = new AbortController();
    const whole: SessionSpec = {
      keyId: operatorKeyId,
      channel: this.channel,
      lines: 100,
      tail: false,
      filter: {},
      format: "text",
      ...spec,
    };
    const read = await openSession(this.parts, whole, { transport, ...(after && { after: after as never }) });
    return { parts: read(stop.signal), stop };
  }

  /** Everything that a session that does not tail is sent. */
  async all(spec: Partial<SessionSpec>, transport: "events" | "plain" = "events"): Promise<string> {
    const { parts } = await this.open(spec, transport);
    const sent: Buffer[] = [];
    for await (const { bytes } of parts) sent.push(bytes);
    return Buffer.concat(sent).toString();
  }

  async close(): Promise<void> {
    await this.patterns.close();
    await this.recent.close();
    await this.log.close();
  }
}

const textsOf = (sent: string): string[] =>
  new EventStreamReader()
    .push(Buffer.from(sent))
    .filter(({ event }) => event === "message")
    .map(({ data }) => data.slice(data.indexOf("]: ") + 3));
const searchedOf = (sent: string): Searched[] =>
  new EventStreamReader()
    .push(Buffer.from(sent))
    .filter(({ event }) => event === "searched")
    .map(({ data }) => JSON.parse(data) as Searched);

let world: World;
afterEach(() => world.close());

describe.each(engines)("a search, on $engine,", ({ openLog }) => {
  test("finds the newest lines that pass, in all that is kept, whatever the log is made of", async () => {
    const log = await openLog();
    world = new World(log);
    const sizes = fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 12 });
    const filters = fc.constantFrom<FilterSpec>(
      { match: "7$" },
      { match: "^[a-c]\\d*[05]$" },
      { exclude: "[0-8]$", match: "\\d" },
      { dynos: ["web.1"] },
      { sources: ["heroku"] },
    );
    const patterns = openPatterns({ hereMax: 500 }); // some here, some in threads
    await fc.assert(
      fc.asyncProperty(
        sizes,
        filters,
        fc.integer({ min: 1, max: 40 }),
        fc.option(fc.nat(12), { nil: undefined }),
        fc.constantFrom(1, 3_000, 1 << 20),
        async (counts, filter, lines, since, ringsBytesMax) => {
          const one = new World(log, { ringsBytesMax, patterns });
          const texts: { readonly text: string; readonly batch: number }[] = [];
          for (const [batch, count] of counts.entries()) {
            const these = Array.from({ length: count }, (_, n) => `${"abcd"[batch % 4]}${texts.length + n}`);
            await one.append(these, 1_000 + batch);
            texts.push(...these.map((text) => ({ text, batch })));
          }
          const passes = (text: string) =>
            (filter.match === undefined || new RegExp(filter.match).test(text)) &&
            (filter.exclude === undefined || !new RegExp(filter.exclude).test(text)) &&
            filter.sources === undefined;
          const looked = texts.filter(({ batch }) => batch >= (since ?? 0));
          const due = looked.filter(({ text }) => passes(text)).slice(-lines);
          const spec = {
            lines,
            filter,
            progress: true,
            ...(since !== undefined && { sinceMs: 1_000 + since }),
          };
          const sent = await one.all(spec);
          expect(textsOf(sent)).toEqual(due.map(({ text }) => text));
          const [searched, ...more] = searchedOf(sent);
          expect(more).toEqual([]);
          expect(searched).toMatchObject({
            matches: due.length,
            end: due.length === lines ? "found" : "all",
          });
          if (due.length < lines) expect(searched!.lines).toBe(looked.length);
          await one.recent.close();
        },
      ),
      { numRuns: 40 },
    );
    await patterns.close();
  });

  test("shows the neighbours of what it found, and where lines are left out", async () => {
    world = new World(await openLog());
    const texts = Array.from({ length: 60 }, (_, i) => (i % 20 === 10 ? `hit ${i}` : `line ${i}`));
    for (let i = 0; i < 60; i += 7) await world.append(texts.slice(i, i + 7));
    const spec = { filter: { match: "hit" }, lines: 2, around: { before: 2, after: 1 } };
    const sent = await world.all(spec);
    const events = new EventStreamReader().push(Buffer.from(sent));
    expect(
      events.map(({ event, data }) => (event === "gap" ? event : data.slice(data.indexOf("]: ") + 3))),
    ).toEqual(["line 28", "line 29", "hit 30", "line 31", "gap", "line 48", "line 49", "hit 50", "line 51"]);
    const { position } = (await world.log.recent(world.channel, 0)).end;
    expect(sent.endsWith(`\n\nid: ${position}\n\n`)).toBe(true);
    expect(await world.all(spec, "plain")).toContain(": line 31\n--\n");
    expect(textsOf(await world.all({ ...spec, filter: { match: "nowhere" } }))).toEqual([]);
  });

  test("tells found lines that retention took, and no neighbours", async () => {
    world = new World(await openLog({ retainLines: 30 }));
    const texts = Array.from({ length: 60 }, (_, i) => (i === 31 ? "hit" : `line ${i}`));
    for (let i = 0; i < 60; i += 10) await world.append(texts.slice(i, i + 10));
    const spec = { filter: { match: "hit" }, lines: 2, around: { before: 5, after: 0 } };
    expect(textsOf(await world.all(spec))).toEqual(["line 30", "hit"]);
  });

  test("ends with the lines that were accepted up to a time", async () => {
    for (const ringsBytesMax of [1, 1 << 20]) {
      world = new World(await openLog(), { ringsBytesMax });
      const startMs = Date.now() - 100_000;
      const texts = Array.from({ length: 10 }, (_, i) => `line ${i}`);
      for (const [i, text] of texts.entries()) await world.append([text], startMs + i * 1_000);
      const until = async (spec: Partial<SessionSpec>) => textsOf(await world.all(spec));
      expect(await until({ untilMs: startMs + 4_500, lines: 2 })).toEqual(["line 3", "line 4"]);
      expect(await until({ untilMs: startMs + 4_000, lines: 1, filter: { exclude: "4" } })).toEqual([
        "line 3",
      ]);
      const since = { lines: undefined as never, sinceMs: startMs + 2_000 };
      expect(await until({ ...since, untilMs: startMs + 4_000 })).toEqual(["line 2", "line 3", "line 4"]);
      expect(await until({ ...since, untilMs: startMs + 1_000 })).toEqual([]);
      expect(await until({ untilMs: startMs + 99_000, lines: 1 })).toEqual(["line 9"]);
      expect(await until({ untilMs: startMs - 1, lines: 5 })).toEqual([]);
      if (ringsBytesMax === 1) await world.close();
    }
  });

  test("goes on live, behind what it looked at, without gap or repeat", async () => {
    world = new World(await openLog());
    for (let n = 0; n < 30; n++) await world.append([`a${n}`, `b${n}`]);
    const { parts, stop } = await world.open({ tail: true, lines: 2, filter: { match: "a\\d" } });
    const texts: string[] = [];
    let appended = false;
    for await (const { bytes, count } of parts) {
      if (count > 0) texts.push(...textsOf(bytes.toString()));
      if (!appended) await world.append(["a30", "b30", "a31"]);
      appended = true;
      if (texts.length >= 4) break;
    }
    stop.abort();
    expect(texts).toEqual(["a28", "a29", "a30", "a31"]);
  });
});

describe("what a reader is told of a search", () => {
  test("how many lines were looked at, since when, and why it is over", async () => {
    world = new World(await openMemoryLog());
    for (let n = 0; n < 200; n++) await world.append([`x${n}`, "needle", "y"], 1_000 + n);
    const found = await world.all({ lines: 2, filter: { match: "needle" }, progress: true });
    expect(searchedOf(found)).toEqual([
      { lines: 6, since: new Date(1_198).toISOString(), matches: 2, end: "found" },
    ]);
    expect(found.indexOf("event: searched")).toBe(0);
    const none = await world.all({ lines: 2, filter: { match: "no such" }, progress: true });
    expect(searchedOf(none)).toEqual([
      { lines: 600, since: new Date(1_000).toISOString(), matches: 0, end: "all" },
    ]);
  });

  test("the same of a session without a filter, without a line, and of all since a time", async () => {
    world = new World(await openMemoryLog(), { ringsBytesMax: 1 << 20 });
    const progress = async (spec: Partial<SessionSpec>) =>
      searchedOf(await world.all({ ...spec, progress: true }));
    const nothing = { lines: 0, since: null, matches: 0 };
    expect(await progress({})).toEqual([{ ...nothing, end: "all" }]);
    for (let n = 0; n < 10; n++) await world.append([`x${n}`, "needle"], 1_000 + n);
    expect(await progress({ lines: 0 })).toEqual([{ ...nothing, end: "found" }]);
    expect(await progress({ lines: 3 })).toEqual([
      { lines: 3, since: new Date(1_008).toISOString(), matches: 3, end: "found" },
    ]);
    const { lines: _, ...allSince } = { lines: 0, sinceMs: 1_005, filter: { match: "needle" } };
    const since = await world.all({ ...allSince, lines: undefined, progress: true } as never);
    expect(textsOf(since)).toHaveLength(5);
    expect(searchedOf(since)).toEqual([
      { lines: 10, since: new Date(1_005).toISOString(), matches: 5, end: "all" },
    ]);
    expect(since.lastIndexOf("id: ")).toBeLessThan(since.indexOf("event: searched")); // behind the history
  });

  test("nothing, when it did not ask, reads plain text, or resumes", async () => {
    world = new World(await openMemoryLog());
    await world.append(["needle"]);
    const filter = { match: "needle" };
    expect(await world.all({ filter })).not.toContain("searched");
    expect(await world.all({ filter, progress: true }, "plain")).toMatch(/^\S+ app\[web\.1\]: needle\n$/);
    const { parts } = await world.open({ filter, progress: true }, "events", "0.0");
    const sent: Buffer[] = [];
    for await (const { bytes } of parts) sent.push(bytes);
    expect(textsOf(Buffer.concat(sent).toString())).toEqual(["needle"]);
    expect(Buffer.concat(sent).toString()).not.toContain("searched");
  });

  test("once a second that it goes on, and that it was given up", async () => {
    world = new World(await openMemoryLog(), { patterns: stuck() });
    await world.append(["old"]);
    await world.append(["x".repeat(100)]);
    const { parts } = await world.open({ filter: { match: "a.b" }, progress: true });
    const progress: Searched[] = [];
    const reading = (async () => {
      for await (const { bytes } of parts) progress.push(...searchedOf(bytes.toString()));
    })();
    await world.clock.advance(3_500);
    expect(progress).toEqual(Array(3).fill({ lines: 0, since: null, matches: 0, end: null }));
    await world.clock.advance(searchMsMax);
    await reading;
    expect(progress.at(-1)).toEqual({ lines: 0, since: null, matches: 0, end: "time" });
    expect(progress.filter(({ end }) => end !== null)).toHaveLength(1);
  });

  test("a line that says so, when it did not ask", async () => {
    world = new World(await openMemoryLog(), { patterns: stuck() });
    await world.append(["x"]);
    const sent = world.all({ filter: { match: "a.b" } }, "plain");
    await settled();
    await world.clock.advance(searchMsMax + 1_000);
    expect(await sent).toMatch(
      /^\S+ heroku\[logplex\]: Error L18 \(Search incomplete\) -> 0 messages were looked at; .+\n$/,
    );
  });
});

test("a stream that waits for its app's budget is told so, once a minute, and loses nothing", async () => {
  world = new World(await openMemoryLog(), {
    patterns: patternsInProcess({ costMs: 10, limits: { burstMs: 5, msPerSecond: 0.001 } }),
  });
  const { parts, stop } = await world.open({ tail: true, lines: 0, filter: { match: "a.b" } }, "plain");
  const sent: string[] = [];
  const reading = (async () => {
    for await (const { bytes } of parts) sent.push(bytes.toString());
  })();
  await world.append(["first"]); // spends all there is
  await world.append(["a b"]);
  for (; !world.patterns.selector.isSpent({ channel: world.channel, as: "reader" }); ) await settled();
  await world.clock.advance(4_000);
  expect(sent.join("")).toBe("");
  await world.clock.advance(50_000);
  expect(sent.join("")).toMatch(
    /^\S+ heroku\[logplex\]: Error L17 \(Tail delayed\) -> .* Nothing is lost\. .*\n$/,
  );
  await world.clock.advance(30_000);
  expect(sent.join("").match(/L17/g)).toHaveLength(2);
  stop.abort();
  await reading;
});

test("a search pays for what it reads, and waits when there is nothing left to pay with", async () => {
  let nowMs = 0;
  const limits = { burstMs: 1, msPerSecond: 1 };
  world = new World(await openMemoryLog(), { patterns: patternsInProcess({ limits, nowMs: () => nowMs }) });
  for (let n = 0; n < 3; n++) await world.append(["x".repeat(600_000)]);
  const { parts } = await world.open({ filter: { match: "plain" }, progress: true });
  const progress: Searched[] = [];
  const reading = (async () => {
    for await (const { bytes } of parts) progress.push(...searchedOf(bytes.toString()));
  })();
  await world.clock.advance(5_000);
  const looked = progress.at(-1)!.lines;
  expect(looked).toBeGreaterThan(0);
  expect(looked).toBeLessThan(3);
  for (let rest = 0; rest < 4; rest++) {
    nowMs += 1e6;
    await world.clock.advance(5_000);
  }
  await reading;
  expect(progress.at(-1)).toMatchObject({ lines: 3, matches: 0, end: "all" });
});

describe("searches", () => {
  const [a, b] = [newChannelId(), newChannelId()];
  const open = () => {
    const searches = new Searches({ searchesMax: 3, searchesPerAppMax: 2 });
    const entered: string[] = [];
    const enter = (channel: ChannelId, name: string, signal = new AbortController().signal) => {
      const leaving = searches.enter(channel, signal);
      void leaving.then((leave) => entered.push(leave ? name : `no ${name}`));
      return leaving;
    };
    return { entered, enter };
  };

  test("are few at a time, for an app and in all, and others wait in order", async () => {
    world = new World(await openMemoryLog());
    const { entered, enter } = open();
    const [a1, , b1] = [enter(a, "a1"), enter(a, "a2"), enter(b, "b1")];
    enter(a, "a3");
    enter(b, "b2");
    await settled();
    expect(entered).toEqual(["a1", "a2", "b1"]);
    (await b1)!();
    await settled();
    expect(entered).toEqual(["a1", "a2", "b1", "b2"]); // a has all it may have
    (await a1)!();
    await settled();
    expect(entered.at(-1)).toBe("a3");
  });

  test("that are given up leave the queue", async () => {
    world = new World(await openMemoryLog());
    const { entered, enter } = open();
    const gone = new AbortController();
    const [a1] = [enter(a, "a1"), enter(a, "a2")];
    enter(a, "a3", gone.signal);
    enter(a, "a4");
    gone.abort();
    (await a1)!();
    await settled();
    expect(entered).toEqual(["a1", "a2", "no a3", "a4"]);
  });
});
