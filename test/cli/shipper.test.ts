import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { CliError } from "../../cli/errors.ts";
import { type Destination, LineSource, parcelLinesMax } from "../../cli/local/parcel.ts";
import { judge, openPost } from "../../cli/local/post-logs.ts";
import { Shipper, type ShipperOptions } from "../../cli/local/shipper.ts";
import { FakeTailrace } from "../support/fake-tailrace.ts";

let server: FakeTailrace;
let outlet: ReturnType<typeof openPost>;
beforeEach(async () => {
  server = await FakeTailrace.open();
  server.apps.set("shop", [
    { token: "t.app", name: "app" },
    { token: "t.heroku", name: "heroku" },
  ]);
  outlet = openPost(400);
});
afterEach(async () => {
  await outlet.close();
  await server.close();
});

const destination = (token: string): Destination => ({
  url: new URL(`${server.url}/logs`),
  authorization: `Basic ${Buffer.from(`token:${token}`).toString("base64")}`,
  appname: "token",
});
const never = new AbortController().signal;
const quick = { delayMsMin: 5, delayMsMax: 20, factor: 2, jitter: 0 };
const ship = (options: Partial<ShipperOptions> = {}): Shipper =>
  new Shipper({
    post: outlet.post,
    waitMs: 10,
    attemptsMax: Number.POSITIVE_INFINITY,
    drops: false,
    retry: quick,
    ...options,
  });
const add = (shipper: Shipper, source: LineSource, text: string) =>
  shipper.add(source, Buffer.from(text), 0, Buffer.byteLength(text), true);
const numbered = (count: number) => Array.from({ length: count }, (_, i) => `app[web.1]: line ${i}`);

describe("the shipper", () => {
  test("writes frames as log-shuttle does", async () => {
    const shipper = ship();
    add(shipper, new LineSource(destination("t.app"), 190, "web.1"), "hej då");
    await shipper.close(1000);
    const time = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00/.source;
    expect(server.posts[0]!.frames[0]).toMatch(
      new RegExp(`^<190>1 ${time} host token web\\.1 - - hej då\n$`),
    );
    expect(server.posts[0]!.count).toBe(1);
  });

  test("sends at most 500 lines at once, and all of them in order", async () => {
    const shipper = ship();
    const source = new LineSource(destination("t.app"), 190, "web.1");
    for (let i = 0; i < 1234; i++) add(shipper, source, `line ${i}`);
    expect(await shipper.close(1000)).toEqual({
      delivered: 1234,
      dropped: 0,
      lost: 0,
      reason: undefined,
      cutShort: false,
    });
    expect(server.posts.map((post) => post.count)).toEqual([parcelLinesMax, parcelLinesMax, 234]);
    expect(server.lines()).toEqual(numbered(1234));
  });

  test("does not wait for a full parcel longer than its time", async () => {
    const shipper = ship();
    add(shipper, new LineSource(destination("t.app"), 190, "web.1"), "line 0");
    await server.until(() => server.posts.length === 1);
    await shipper.close(1000);
  });

  test("keeps the order of lines across two tokens", async () => {
    const shipper = ship();
    const app = new LineSource(destination("t.app"), 190, "web.1");
    const heroku = new LineSource(destination("t.heroku"), 134, "web.1");
    server.logsAnswers = [{ status: 503 }, "reset"];
    for (const [source, text] of [
      [heroku, "up"],
      [app, "a"],
      [app, "b"],
      [heroku, "down"],
    ] as const)
      add(shipper, source, text);
    await shipper.close(2000);
    expect(server.lines()).toEqual([
      "heroku[web.1]: up",
      "app[web.1]: a",
      "app[web.1]: b",
      "heroku[web.1]: down",
    ]);
  });

  test("tries again under the same id after 503, 429, a cut and silence, and loses nothing", async () => {
    server.logsAnswers = [{ status: 503 }, { status: 429 }, "reset", "hang", { status: 500 }];
    const shipper = ship();
    const source = new LineSource(destination("t.app"), 190, "web.1");
    for (let i = 0; i < 3; i++) add(shipper, source, `line ${i}`);
    expect(await shipper.close(5000)).toMatchObject({ delivered: 3, lost: 0 });
    expect(server.posts).toHaveLength(6);
    expect(new Set(server.posts.map((post) => post.frameId)).size).toBe(1);
    expect(new Set(server.posts.map((post) => post.frames.join())).size).toBe(1);
  });

  test("waits as long as Retry-After asks", async () => {
    server.logsAnswers = [{ status: 503, headers: { "retry-after": "1" } }];
    const shipper = ship();
    const startMs = performance.now();
    add(shipper, new LineSource(destination("t.app"), 190, "web.1"), "x");
    await shipper.close(5000);
    expect(performance.now() - startMs).toBeGreaterThan(950);
  });

  test("gives up at once on an answer that no retry mends, and tells which", async () => {
    const refusals: CliError[] = [];
    server.logsAnswers = [{ status: 401 }];
    const shipper = ship({ onRefused: (error) => refusals.push(error) });
    const source = new LineSource(destination("t.app"), 190, "web.1");
    add(shipper, source, "one");
    await server.until(() => server.posts.length === 1);
    while (refusals.length === 0) await new Promise(setImmediate);
    add(shipper, source, "two");
    await shipper.room(never);
    expect(await shipper.close(1000)).toMatchObject({ delivered: 0, lost: 2 });
    expect(server.posts).toHaveLength(1);
    expect(refusals[0]!.message).toContain("does not accept the token");
    expect(refusals[0]!.message).not.toContain("t.app");
  });

  test("says what an API key without the right, a wrong path and refused lines are", () => {
    const said = (status: number, headers: Record<string, string> = {}) => {
      const { error } = judge(new URL("http://h:1/lgs"), status, headers, " Malformed log messages\n") as {
        error: CliError;
      };
      return `${error.message} ${error.mend}`;
    };
    expect(said(403)).toMatch(/^The API key in LOGS_URL may not write here: .* Use a token of the app/);
    expect(said(404)).toContain("Lines go to http://h:1/logs: check LOGS_URL.");
    expect(said(400, { "tailrace-error": "Write each frame behind its length." })).toBe(
      "http://h:1/lgs refuses these lines: it answered 400, Malformed log messages. Write each frame behind its length.",
    );
    expect(said(400)).toMatch(/They were not stored\.$/);
    expect(judge(new URL("http://h:1/logs"), 503, {}, "The disk is full.\n")).toEqual({
      kind: "retry",
      reason: 'it answered 503, "The disk is full."',
    });
  });

  test("holds the writer while the queue is full", async () => {
    server.logsAnswers = ["hang"];
    const shipper = ship({ parcelsMax: 2, waitMs: 0 });
    const source = new LineSource(destination("t.app"), 190, "web.1");
    for (let i = 0; i < parcelLinesMax + 1; i++) add(shipper, source, `line ${i}`);
    let hasRoom = false;
    const room = shipper.room(never).then(() => (hasRoom = true));
    await server.until(() => server.posts.length === 1);
    expect(hasRoom).toBe(false);
    await room;
    expect(server.posts.length).toBeGreaterThan(1);
    expect(await shipper.close(2000)).toMatchObject({ delivered: parcelLinesMax + 1 });
  });

  test("drops with a count when it may not hold the writer, and tells the app with an L12 line", async () => {
    server.logsAnswers = [{ status: 503 }];
    const shipper = ship({ drops: true, parcelsMax: 1, waitMs: 0 });
    const source = new LineSource(destination("t.app"), 190, "web.1");
    for (let i = 0; i < parcelLinesMax + 7; i++) add(shipper, source, `line ${i}`);
    await server.until(() => server.lines().length > 0);
    expect(await shipper.close(2000)).toMatchObject({ delivered: parcelLinesMax, dropped: 7 });
    const told = server.lines("log-shuttle");
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(/^L\[log-shuttle\]: Error L12: 7 messages dropped since \d{4}-.*\+00:00$/);
  });

  test("tells lines that it gave up with an L13 line ahead of the next ones", async () => {
    server.logsAnswers = [{ status: 503 }, { status: 503 }];
    const shipper = ship({ attemptsMax: 2 });
    const source = new LineSource(destination("t.app"), 190, "web.1");
    add(shipper, source, "gone");
    await server.until(() => server.posts.length === 2);
    add(shipper, source, "here");
    expect(await shipper.close(1000)).toMatchObject({ delivered: 1, lost: 1 });
    expect(server.lines()[0]).toMatch(/^L\[log-shuttle\]: Error L13: 1 messages lost since /);
    expect(server.lines()[1]).toBe("app[web.1]: here");
    expect(server.posts[2]!.count).toBe(2);
  });

  test("writes the loss line with the very length that log-shuttle's has", async () => {
    server.logsAnswers = [{ status: 503 }, { status: 503 }];
    const shipper = ship({ attemptsMax: 2 });
    const source = new LineSource(destination("t.app"), 190, "web.1");
    add(shipper, source, "one");
    add(shipper, source, "two");
    await shipper.close(1000); // tells the loss in a parcel of its own
    const loss = server.posts.at(-1)!.frames[0]!;
    expect(loss).toMatch(/^<172>1 \S+ heroku token log-shuttle - - Error L13: 2 messages lost since \S+\n$/);
    expect(loss).toHaveLength(135); // `logplex.md` §23
  });

  test("ends within its grace when nobody answers, and counts what is left", async () => {
    server.logsAnswers = Array.from({ length: 50 }, () => "hang" as const);
    const shipper = ship();
    const source = new LineSource(destination("t.app"), 190, "web.1");
    for (let i = 0; i < 3; i++) add(shipper, source, `line ${i}`);
    const startMs = performance.now();
    const shipped = await shipper.close(100);
    expect(shipped).toMatchObject({ delivered: 0, lost: 3 });
    expect(performance.now() - startMs).toBeLessThan(1000);
  });
});
