import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { CliError } from "../../../cli/errors.ts";
import type { Destination, Endpoint } from "../../../cli/local/destinations.ts";
import { parcelLinesMax } from "../../../cli/local/limits.ts";
import { LineSource } from "../../../cli/local/parcel.ts";
import { judge, openPost } from "../../../cli/local/post-logs.ts";
import { Shipper, type ShipperOptions } from "../../../cli/local/shipper.ts";
import { SpillFile } from "../../../cli/local/spill-file.ts";
import { FakeTailrace, type LogsAnswer } from "../../support/fake-tailrace.ts";

let server: FakeTailrace;
let outlet: ReturnType<typeof openPost>;
/** Longer than a test: what is lost is never lost because the machine is busy. */
const graceMs = 600_000;
/** Gives up on a server that says nothing. */
const impatiently = () => {
  outlet.close();
  outlet = openPost(400);
};
beforeEach(async () => {
  server = await FakeTailrace.open();
  server.apps.set("shop", [
    { token: "t.app", name: "app" },
    { token: "t.heroku", name: "heroku" },
  ]);
  outlet = openPost(graceMs);
});
afterEach(async () => {
  await outlet.close();
  await server.close();
});

const destination = (token: string): Destination => ({
  appname: "token",
  host: () => "h",
  endpoint: async () => ({
    url: new URL(`${server.url}/logs`),
    authorization: `Basic ${Buffer.from(`token:${token}`).toString("base64")}`,
    namedBy: "LOGS_URL",
  }),
});
const app = () => new LineSource(destination("t.app"), { pri: 190, process: "web.1" });
const state = () => new LineSource(destination("t.heroku"), { pri: 134, process: "web.1", vital: true });
const notices = () =>
  new LineSource(destination("t.heroku"), { pri: 172, process: "log-shuttle", host: "heroku" });
const never = new AbortController().signal;
const quick = { delayMsMin: 5, delayMsMax: 20, factor: 2, jitter: 0 };
const ship = (options: Partial<ShipperOptions> = {}): Shipper =>
  new Shipper({
    post: outlet.post,
    waitMs: 10,
    attemptsMax: Number.POSITIVE_INFINITY,
    whenFull: "hold",
    notices: notices(),
    retry: quick,
    ...options,
  });
const add = (shipper: Shipper, source: LineSource, text: string) =>
  shipper.add(source, Buffer.from(text), 0, Buffer.byteLength(text), true);
const numbered = (count: number) => Array.from({ length: count }, (_, i) => `app[web.1]: line ${i}`);

describe("the shipper", () => {
  test("writes frames as log-shuttle does", async () => {
    const shipper = ship();
    add(shipper, app(), "hej då");
    await shipper.close(graceMs);
    const time = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00/.source;
    expect(server.posts[0]!.frames[0]).toMatch(
      new RegExp(`^<190>1 ${time} host token web\\.1 - - hej då\n$`),
    );
    expect(server.posts[0]!.count).toBe(1);
  });

  test("sends at most so many lines at once, and all of them in order", async () => {
    const shipper = ship();
    const source = app();
    for (let i = 0; i < 2 * parcelLinesMax + 234; i++) add(shipper, source, `line ${i}`);
    expect(await shipper.close(graceMs)).toEqual({
      delivered: 2 * parcelLinesMax + 234,
      dropped: 0,
      lost: 0,
      reason: undefined,
      answered: false,
      cutShort: false,
    });
    expect(server.posts.map((post) => post.count)).toEqual([parcelLinesMax, parcelLinesMax, 234]);
    expect(server.lines()).toEqual(numbered(2 * parcelLinesMax + 234));
  });

  test("does not wait for a full parcel longer than its time", async () => {
    const shipper = ship();
    add(shipper, app(), "line 0");
    await server.until(() => server.posts.length === 1);
    await shipper.close(graceMs);
  });

  test("keeps the order of lines across two tokens", async () => {
    const shipper = ship();
    const [lines, states] = [app(), state()];
    server.logsAnswers = [{ status: 503 }, "reset"];
    for (const [source, text] of [
      [states, "up"],
      [lines, "a"],
      [lines, "b"],
      [states, "down"],
    ] as const)
      add(shipper, source, text);
    await shipper.close(graceMs);
    expect(server.lines()).toEqual([
      "heroku[web.1]: up",
      "app[web.1]: a",
      "app[web.1]: b",
      "heroku[web.1]: down",
    ]);
  });

  test("tries again under the same id after 503, 429, a cut and silence, and loses nothing", async () => {
    impatiently();
    server.logsAnswers = [{ status: 503 }, { status: 429 }, "reset", "hang", { status: 500 }];
    const shipper = ship();
    const source = app();
    for (let i = 0; i < 3; i++) add(shipper, source, `line ${i}`);
    expect(await shipper.close(graceMs)).toMatchObject({ delivered: 3, lost: 0 });
    expect(server.posts.length).toBeGreaterThanOrEqual(6); // more where an answer was late
    expect(new Set(server.posts.map((post) => post.parcelId)).size).toBe(1);
    expect(new Set(server.posts.map((post) => post.frames.join())).size).toBe(1);
  });

  test("waits as long as Retry-After asks", async () => {
    server.logsAnswers = [{ status: 503, headers: { "retry-after": "1" } }];
    const shipper = ship();
    const startMs = performance.now();
    add(shipper, app(), "x");
    await shipper.close(graceMs);
    expect(performance.now() - startMs).toBeGreaterThan(950);
  });

  test("gives up at once on an answer that no retry mends, and tells which", async () => {
    const refusals: CliError[] = [];
    server.logsAnswers = [{ status: 401 }];
    const shipper = ship({ onRefused: (error) => refusals.push(error) });
    const source = app();
    add(shipper, source, "one");
    await server.until(() => server.posts.length === 1);
    while (refusals.length === 0) await new Promise(setImmediate);
    add(shipper, source, "two");
    await shipper.room(never);
    expect(await shipper.close(graceMs)).toMatchObject({ delivered: 0, lost: 2 });
    expect(server.posts).toHaveLength(1);
    expect(refusals[0]!.message).toContain("does not accept the token");
    expect(refusals[0]!.message).not.toContain("t.app");
  });

  const endpoint = (path: string, namedBy: Endpoint["namedBy"] = "LOGS_URL"): Endpoint => ({
    url: new URL(`http://h:1${path}`),
    authorization: "",
    namedBy,
  });
  const said = (
    status: number,
    headers: Record<string, string> = {},
    text = " Malformed log messages\n",
    to = endpoint("/lgs"),
  ) => {
    const { error } = judge(to, status, headers, text) as { error: CliError };
    return `${error.message} ${error.mend}`;
  };

  test("says what an API key without the right, a wrong path and refused lines are", () => {
    expect(said(403)).toMatch(/^The API key in LOGS_URL may not write here: .* Use a token of the app/);
    expect(said(404, {}, "")).toBe(
      'http://h:1/lgs takes no logs (it answered 404). Set LOGS_URL to an address that takes lines, as http://h:1/logs may be; "tailrace tokens -a APP" lists such addresses.',
    );
    expect(said(400, { "tailrace-error": "Write each frame behind its length." })).toBe(
      "http://h:1/lgs refuses these lines: it answered 400, Malformed log messages. Write each frame behind its length.",
    );
    expect(said(400)).toMatch(/They were not stored\.$/);
    expect(judge(endpoint("/logs"), 503, {}, "The disk is full.\n")).toEqual({
      kind: "retry",
      reason: 'it answered 503, "The disk is full."',
      answered: true,
    });
  });

  test("says which role a node has not, and who has to set what", () => {
    const misdirected = JSON.stringify({
      id: "misdirected_request",
      message: "This node has the role control.",
    });
    expect(said(421, {}, misdirected, endpoint("/logs", "the server"))).toBe(
      "http://h:1/logs takes no logs (it answered 421, This node has the role control.). The server named this address for senders: its operator sets --ingest-url to one that takes lines.",
    );
    expect(said(421, {}, misdirected)).toMatch(/\(it answered 421, This node .*\)\. Set LOGS_URL to/);
  });

  /** Takes the place of a few hundred short lines. */
  const small = 40_000;
  /** Adds lines until the queue is full, and where that may be one more, which is dropped; returns how many it took. */
  const fill = (shipper: Shipper, source: LineSource): number => {
    for (let count = 0; ; count++) {
      if (!shipper.hasRoom) return count;
      add(shipper, source, `line ${count}`);
      if (shipper.waiting.lines === count) return count;
    }
  };

  test("holds the writer while the queue is full", async () => {
    impatiently();
    server.logsAnswers = ["hang"];
    const shipper = ship({ bytesMax: small, waitMs: 0 });
    const count = fill(shipper, app());
    let hasRoom = false;
    const room = shipper.room(never).then(() => (hasRoom = true));
    await server.until(() => server.posts.length === 1);
    expect(hasRoom).toBe(false);
    await room;
    expect(server.posts.length).toBeGreaterThan(1);
    expect(await shipper.close(graceMs)).toMatchObject({ delivered: count, dropped: 0, lost: 0 });
  });

  test("holds the writer of a server that takes lines slowly, and drops only while it takes none", async () => {
    impatiently();
    server.logsAnswers = ["hang", { status: 503 }];
    const shipper = ship({ bytesMax: small, waitMs: 0, whenFull: "hold-when-taken" });
    const source = app();
    const taken = fill(shipper, source);
    await server.until(() => server.posts.length === 1);
    expect(shipper.hasRoom).toBe(false); // no answer is not yet a refusal
    await shipper.room(never); // the try has ended without one
    for (let i = 0; i < 7; i++) add(shipper, source, "too many");
    await server.until(() => server.posts.some(({ status }) => status === 204));
    expect(await shipper.close(graceMs)).toMatchObject({ delivered: taken, dropped: 7, lost: 0 });
    expect(server.lines("log-shuttle")).toHaveLength(1);
    expect(server.lines("log-shuttle")[0]).toMatch(/^heroku\[log-shuttle\]: Error L12: 7 messages dropped/);
  });

  test("spills what the queue has no room for, and tells of what the spill had none for behind all of that", async () => {
    server.logsAnswers = [{ status: 503 }];
    const spill = new SpillFile({ bytesMax: 1_000 });
    const shipper = ship({ whenFull: "drop", bytesMax: small, waitMs: 0, spill });
    const source = app();
    const taken = fill(shipper, source);
    expect(spill.lines).toBeGreaterThan(0);
    for (let i = 1; i < 7; i++) add(shipper, source, "too many");
    await server.until(() => server.lines().length > 0);
    while (shipper.waiting.lines > 0) await new Promise(setImmediate);
    add(shipper, source, "after");
    expect(await shipper.close(graceMs)).toMatchObject({ delivered: taken + 1, dropped: 7, lost: 0 });
    expect(server.lines().slice(0, taken)).toEqual(numbered(taken));
    expect(server.lines().slice(taken)).toEqual([
      expect.stringMatching(/^heroku\[log-shuttle\]: Error L12: 7 messages dropped/),
      "app[web.1]: after",
    ]);
  });

  test("counts what waits in a spill as lost without reading it back, when it gives up", async () => {
    server.logsAnswers = Array.from({ length: 1_000 }, () => ({ status: 503 }));
    const spill = new SpillFile({ bytesMax: 10_000 });
    const shipper = ship({ whenFull: "drop", bytesMax: small, waitMs: 0, spill });
    const source = app();
    const taken = fill(shipper, source);
    expect(spill.lines).toBeGreaterThan(100);
    const read = vi.spyOn(spill, "shift");
    shipper.giveUp();
    expect(await shipper.close(graceMs)).toMatchObject({ delivered: 0, dropped: 1, lost: taken });
    expect(read).not.toHaveBeenCalled();
  });

  test("tells lines that its spill cannot give back, and goes on", async () => {
    server.logsAnswers = [{ status: 503 }];
    const spill = new SpillFile({ bytesMax: 10_000 });
    const shipper = ship({ whenFull: "drop", bytesMax: small, waitMs: 0, spill });
    const source = app();
    const taken = fill(shipper, source);
    const gone = spill.lines;
    vi.spyOn(spill, "shift").mockReturnValue(undefined);
    await server.until(() => server.lines("log-shuttle").length > 0);
    add(shipper, source, "after");
    expect(await shipper.close(graceMs)).toMatchObject({
      delivered: taken - gone + 1,
      dropped: gone + 1,
      lost: 0,
    });
    expect(server.lines().slice(-2)).toEqual([
      expect.stringMatching(
        new RegExp(`^heroku\\[log-shuttle\\]: Error L12: ${gone + 1} messages dropped since`),
      ),
      "app[web.1]: after",
    ]);
  });

  test("sends lines in time, although the machine's clock has been set back", async () => {
    const shipper = ship({ waitMs: 20 });
    add(shipper, app(), "before the step");
    const now = Date.now;
    vi.spyOn(Date, "now").mockImplementation(() => now() - 3_600_000);
    await server.until(() => server.lines().length > 0);
    vi.restoreAllMocks();
    expect(await shipper.close(graceMs)).toMatchObject({ delivered: 1, lost: 0 });
  });

  test("tells where lines are missing: behind what waited and ahead of what was taken again", async () => {
    server.logsAnswers = [{ status: 503 }];
    const shipper = ship({ whenFull: "drop", bytesMax: small, waitMs: 0 });
    const source = app();
    const taken = fill(shipper, source);
    for (let i = 1; i < 7; i++) add(shipper, source, "too many");
    await server.until(() => server.lines().length > 0);
    while (shipper.waiting.lines > 0) await new Promise(setImmediate);
    add(shipper, source, "after");
    expect(await shipper.close(graceMs)).toMatchObject({ delivered: taken + 1, dropped: 7, lost: 0 });
    expect(server.lines().slice(taken)).toEqual([
      expect.stringMatching(/^heroku\[log-shuttle\]: Error L12: 7 messages dropped since \d{4}-.*\+00:00$/),
      "app[web.1]: after",
    ]);
  });

  test("never drops a state line, and has it behind what is missing before it", async () => {
    server.logsAnswers = [{ status: 503 }];
    const shipper = ship({ whenFull: "drop", bytesMax: small, waitMs: 0 });
    const [lines, states] = [app(), state()];
    const taken = fill(shipper, lines);
    add(shipper, states, "State changed from up to complete");
    add(shipper, lines, "too many");
    expect(await shipper.close(graceMs)).toMatchObject({ delivered: taken + 1, dropped: 2, lost: 0 });
    const lost = (text: string) => text.replace(/ since .*/, "");
    expect(server.lines().slice(taken).map(lost)).toEqual([
      "heroku[log-shuttle]: Error L12: 1 messages dropped",
      "heroku[web.1]: State changed from up to complete",
      "heroku[log-shuttle]: Error L12: 1 messages dropped",
    ]);
  });

  test("counts every line once: delivered, dropped with L12, or lost with L13", async () => {
    const answer = fc.constantFrom<LogsAnswer>({ status: 204 }, { status: 503 }, "reset");
    const step = fc.record({ lines: fc.nat(900), waits: fc.boolean() });
    const run = fc.record({
      answers: fc.array(answer, { maxLength: 12 }),
      steps: fc.array(step, { minLength: 1, maxLength: 6 }),
      whenFull: fc.constantFrom("drop" as const, "hold-when-taken" as const),
      attemptsMax: fc.constantFrom(1, 2, Number.POSITIVE_INFINITY),
      spillBytes: fc.constantFrom(0, 150, 1_000_000),
    });
    await fc.assert(
      fc.asyncProperty(run, async ({ answers, steps, spillBytes, ...options }) => {
        server.posts.length = 0;
        server.logsAnswers = [...answers];
        const spill = spillBytes === 0 ? {} : { spill: new SpillFile({ bytesMax: spillBytes }) };
        const shipper = ship({ ...options, ...spill, bytesMax: small, waitMs: 1 });
        const source = app();
        let written = 0;
        for (const { lines, waits } of steps) {
          for (let i = 0; i < lines; i++) add(shipper, source, `line ${written++}`);
          if (waits) await shipper.room(never);
        }
        const { delivered, dropped, lost } = await shipper.close(graceMs);
        expect(delivered + dropped + lost).toBe(written);
        expect(server.lines("web.1")).toHaveLength(delivered);
        const numbers = server.lines("web.1").map((text) => Number(/\d+$/.exec(text)![0]));
        expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
        if (spillBytes === 1_000_000) expect(dropped).toBe(0);
        const countOf = (code: string) =>
          server
            .lines("log-shuttle")
            .map((text) => Number(new RegExp(`${code}: (\\d+) `).exec(text)?.[1] ?? 0))
            .reduce((sum, count) => sum + count, 0);
        const tells = { L12: countOf("L12"), L13: countOf("L13") };
        // A notice is given up like a line; without an end of tries each loss is told exactly.
        if (options.attemptsMax === Number.POSITIVE_INFINITY) expect(tells).toEqual({ L12: dropped, L13: 0 });
        expect(tells.L12).toBeLessThanOrEqual(dropped);
        expect(tells.L13).toBeLessThanOrEqual(lost);
      }),
      { numRuns: 25 },
    );
  });

  test("tells lines that it gave up with an L13 line ahead of the next ones", async () => {
    server.logsAnswers = [{ status: 503 }, { status: 503 }];
    const shipper = ship({ attemptsMax: 2 });
    const source = app();
    add(shipper, source, "gone");
    await server.until(() => server.posts.length === 2);
    add(shipper, source, "here");
    expect(await shipper.close(graceMs)).toMatchObject({ delivered: 1, lost: 1 });
    expect(server.lines()[0]).toMatch(/^heroku\[log-shuttle\]: Error L13: 1 messages lost since /);
    expect(server.lines()[1]).toBe("app[web.1]: here");
  });

  test("does not try a notice again that was given up, before something else is taken", async () => {
    server.logsAnswers = Array.from({ length: 4 }, () => ({ status: 503 }));
    const shipper = ship({ attemptsMax: 1, waitMs: 0 });
    const source = app();
    for (const text of ["one", "two"]) {
      add(shipper, source, text);
      while (shipper.waiting.lines > 0) await new Promise(setImmediate);
    }
    await server.until(() => server.posts.length === 4);
    add(shipper, source, "here");
    expect(await shipper.close(graceMs)).toMatchObject({ delivered: 1, lost: 2 });
    expect(server.lines()[0]).toBe("app[web.1]: here");
    expect(server.lines()[1]).toMatch(/^heroku\[log-shuttle\]: Error L13: 2 messages lost since /);
  });

  test("writes the loss line with the very length that log-shuttle's has", async () => {
    server.logsAnswers = [{ status: 503 }, { status: 503 }];
    const shipper = ship({ attemptsMax: 2 });
    const source = app();
    add(shipper, source, "one");
    add(shipper, source, "two");
    await shipper.close(graceMs);
    const loss = server.posts.at(-1)!.frames[0]!;
    expect(loss).toMatch(/^<172>1 \S+ heroku token log-shuttle - - Error L13: 2 messages lost since \S+\n$/);
    expect(loss).toHaveLength(135); // docs/spec/wire-in.md#w6-4
  });

  test("ends within its grace when nobody answers, and counts what is left", async () => {
    server.logsAnswers = Array.from({ length: 50 }, () => "hang" as const);
    const shipper = ship();
    const source = app();
    for (let i = 0; i < 3; i++) add(shipper, source, `line ${i}`);
    expect(await shipper.close(100)).toMatchObject({ delivered: 0, lost: 3 });
    expect(server.posts.length).toBeLessThanOrEqual(1); // that one would have gone on for longer than the test
  });
});
