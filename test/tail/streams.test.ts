import { request } from "node:http";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { replacedText } from "../../src/core/batch/notice.ts";
import { newChannelId } from "../../src/core/ids.ts";

import type { SessionSpec } from "../../src/tail/session-url.ts";

import { engines, openMemoryLog } from "./logs.ts";
import { StreamServer, type StreamServerOptions } from "./stream-server.ts";

let server: StreamServer;
const start = async (options: StreamServerOptions = {}, openLog: typeof openMemoryLog = openMemoryLog) => {
  server = await StreamServer.start(await openLog(), options);
};
afterEach(() => server.close());

const time = "2026-01-02T03:04:05.000006+00:00";
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => String(from + n));

describe.each(engines)("a session that does not tail, on $engine,", ({ openLog }) => {
  test("sends the newest lines as events, oldest first, and ends cleanly", async () => {
    await start({}, openLog);
    await server.append(numbers(0, 30));
    const positionOf = await server.append(numbers(30, 60));
    const client = await (await server.open(server.url({ lines: 40 }))).end();
    expect(client.messages).toEqual(numbers(20, 60));
    expect(client.parser.events.at(-1)).toEqual({ id: positionOf(30), data: `${time} app[web.1]: 59` });
    expect(client.parser.retryMs).toBe(50);
    expect(client.response.statusCode).toBe(200);
    expect(client.response.headers).toMatchObject({
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache",
      "x-accel-buffering": "no",
      "transfer-encoding": "chunked",
    });
  });

  test("sends plain text to everybody who does not name events", async () => {
    await start({}, openLog);
    await server.append(["one", "two"]);
    const client = await (await server.open(server.url(), { accept: "*/*" })).end();
    expect(client.text).toBe(`${time} app[web.1]: one\n${time} app[web.1]: two\n`);
    expect(client.response.headers["content-type"]).toBe("text/plain; charset=utf-8");
  });

  test("is an empty stream with status 200 when there is nothing to show", async () => {
    await start({}, openLog);
    for (const accept of ["text/event-stream", "*/*"]) {
      const client = await (await server.open(server.url(), { accept })).end();
      expect(client.response.statusCode).toBe(200);
      expect(client.messages).toEqual([]);
    }
  });

  test("counts the lines that pass the filter, not those it looked at", async () => {
    await start({}, openLog);
    await server.append(numbers(0, 50).map((n) => (Number(n) % 5 === 0 ? `worker.1|${n}` : n)));
    await server.append(numbers(50, 100).map((n) => (Number(n) % 5 === 0 ? `worker.2|${n}` : n)));
    const ofDynos = await (await server.open(server.url({ lines: 12, filter: { dynos: ["worker"] } }))).end();
    expect(ofDynos.messages).toEqual([
      "40",
      "45",
      "50",
      "55",
      "60",
      "65",
      "70",
      "75",
      "80",
      "85",
      "90",
      "95",
    ]);
    const matching = await (
      await server.open(server.url({ lines: 2, filter: { match: "7$", exclude: "^9" } }))
    ).end();
    expect(matching.messages).toEqual(["77", "87"]);
    const none = await (await server.open(server.url({ filter: { sources: ["heroku"] } }))).end();
    expect(none.messages).toEqual([]);
  });

  test("sends all since a time when it was asked so, and nothing when nothing came since", async () => {
    await start({}, openLog);
    await server.append(["a"], { acceptedAtMs: Date.now() - 60_000 });
    await server.append(["b"], { acceptedAtMs: Date.now() - 30_000 });
    await server.append(["c"]);
    const since = async (ageMs: number, rest: Partial<SessionSpec> = {}) =>
      (await (await server.open(server.url({ sinceMs: Date.now() - ageMs, ...rest }))).end()).messages;
    expect(await since(45_000)).toEqual(["b", "c"]);
    expect(await since(-45_000)).toEqual([]);
    expect(await since(45_000, { lines: 1 })).toEqual(["c"]);
    expect(await since(45_000, { lines: 9 })).toEqual(["b", "c"]);
    expect(await since(45_000, { lines: 9, filter: { match: "a|b" } })).toEqual(["b"]);
  });

  test("shows JSON and raw lines", async () => {
    await start({}, openLog);
    const positionOf = await server.append(["x"]);
    const json = await (await server.open(server.url({ format: "json" }), { accept: "*/*" })).end();
    expect(JSON.parse(json.text)).toMatchObject({ position: positionOf(1), dyno: "web.1", message: "x" });
    const raw = await (await server.open(server.url({ format: "raw" }), { accept: "*/*" })).end();
    expect(raw.text).toBe(`<190>1 ${time} host app web.1 - x\n`);
  });

  test("shows no line that is older than a week", async () => {
    await start({}, openLog);
    await server.append(["old"], { acceptedAtMs: Date.now() - 8 * 86_400_000 });
    await server.append(["new"]);
    expect((await (await server.open(server.url())).end()).messages).toEqual(["new"]);
  });
});

describe.each(engines)("a session that tails, on $engine,", ({ openLog }) => {
  test("sends the head at once, then each line as it comes", async () => {
    await start({}, openLog);
    const client = await server.open(server.url({ tail: true }));
    expect(client.response.statusCode).toBe(200);
    await client.until(({ parser }) => parser.retryMs === 5000);
    for (const n of numbers(0, 5)) {
      await server.append([n]);
      await client.until(({ messages }) => messages.includes(n));
    }
    expect(client.messages).toEqual(numbers(0, 5));
  });

  test("goes from history to live without gap or repeat while lines come in", async () => {
    await start({}, openLog);
    await server.append(numbers(0, 10));
    let sent = 10;
    const appending = (async () => {
      while (sent < 600) {
        await server.append(numbers(sent, (sent += 3)));
        await nextTurn();
      }
    })();
    const clients = await Promise.all(
      Array.from({ length: 20 }, (_, n) => server.open(server.url({ tail: true, lines: 1 + n }))),
    );
    await appending;
    for (const client of clients) {
      await client.until(({ messages }) => messages.at(-1) === String(sent - 1));
      expect(client.messages).toEqual(numbers(Number(client.messages[0]), sent));
    }
  });

  test("resumes by Last-Event-ID with each line exactly once, over many reconnects under load", async () => {
    await start({ ringsBytesMax: 20_000 }, openLog);
    const total = 3000;
    const url = server.url({ tail: true });
    const seen: string[] = [];
    let lastEventId = "";
    let appending: Promise<void> | undefined;
    let reconnects = -1;
    while (seen.length < total) {
      reconnects++;
      const client = await server.open(url, lastEventId === "" ? {} : { "last-event-id": lastEventId });
      appending ??= (async () => {
        for (let n = 0; n < total; n += 7) {
          await server.append(numbers(n, Math.min(total, n + 7)));
          await nextTurn();
        }
      })();
      await client.until(({ messages }) => messages.length >= Math.min(37, total - seen.length));
      client.leave();
      seen.push(...client.messages);
      lastEventId = client.parser.events.at(-1)!.id;
    }
    await appending;
    expect(reconnects).toBeGreaterThan(5);
    expect(seen).toEqual(numbers(0, total));
  });

  test("resumes inside a batch, by `after` too, and skips the history", async () => {
    await start({}, openLog);
    const positionOf = await server.append(numbers(0, 10));
    const url = server.url();
    const byHeader = await (await server.open(url, { "last-event-id": positionOf(4) })).end();
    expect(byHeader.messages).toEqual(numbers(4, 10));
    const byQuery = await (await server.open(`${url}?after=${positionOf(7)}`)).end();
    expect(byQuery.messages).toEqual(numbers(7, 10));
    const nothingNew = await (await server.open(url, { "last-event-id": positionOf(10) })).end();
    expect(nothingNew.messages).toEqual([]);
  });

  test("begins anew for an event id of another server, and refuses an `after` that is no position", async () => {
    await start({}, openLog);
    await server.append(["a"]);
    expect((await (await server.open(server.url(), { "last-event-id": "17" })).end()).messages).toEqual([
      "a",
    ]);
    const refused = await (await server.open(`${server.url()}?after=17`)).end();
    expect(refused.response.statusCode).toBe(400);
    expect(JSON.parse(refused.text)).toMatchObject({ code: "POSITION_INVALID" });
  });

  test("tells a reader whose place is of another log, and begins with the oldest line of this one", async () => {
    await start({}, openLog);
    const places = [await server.append(numbers(0, 4)), await server.append(numbers(4, 8))];
    await server.log.destroy(server.channel);
    for (let n = 20; n < 30; n += 2) await server.append(numbers(n, n + 2));
    const lastEventId = places[1]!(3);

    const resumed = await (
      await server.open(server.url({ lines: 1 }), { "last-event-id": lastEventId })
    ).end();
    expect(resumed.response.statusCode).toBe(200);
    expect(resumed.parser.named).toEqual([{ type: "log-replaced", id: "0.0", data: replacedText }]);
    expect(resumed.text.indexOf("event: log-replaced")).toBeLessThan(resumed.text.indexOf("data: 2026"));
    expect(resumed.messages).toEqual(numbers(20, 30));

    // Who breaks off right behind it is not told again and misses nothing.
    const again = await (await server.open(server.url(), { "last-event-id": "0.0" })).end();
    expect(again.parser.named).toEqual([]);
    expect(again.messages).toEqual(numbers(20, 30));

    const plain = await server.open(`${server.url({ filter: { match: "nothing" } })}?after=${lastEventId}`, {
      accept: "text/plain",
    });
    expect((await plain.end()).text).toMatch(/^\S+ heroku\[logplex\]: Error L11 .*oldest line\.\n$/);
  });

  test("tells so at once, also where this log is empty or shorter, and goes on live", async () => {
    await start({}, openLog);
    const place = await server.append(numbers(0, 4));
    await server.log.destroy(server.channel);
    const client = await server.open(server.url({ tail: true }), { "last-event-id": place(4) });
    await client.until(({ parser }) => parser.named.length === 1);
    await server.append(["a"]);
    await client.until(({ messages }) => messages.length === 1);
    expect(client.messages).toEqual(["a"]);
    const short = await (await server.open(server.url(), { "last-event-id": place(4) })).end();
    expect(short.parser.named).toHaveLength(1);
    expect(short.messages).toEqual(["a"]);
    const old = await (await server.open(server.url(), { "last-event-id": "0.1" })).end();
    expect(old.parser.named).toEqual([]); // as it was printed before positions named their log
    expect(old.messages).toEqual([]);
  });

  test("is kept alive by comments, which carry the place of a filtered tail forward", async () => {
    await start({ heartbeatMs: 60 }, openLog);
    const ofFirst = await server.append(["a"]);
    const client = await server.open(server.url({ tail: true, filter: { match: "a" } }));
    await client.until(({ parser }) => parser.comments.length >= 1);
    expect(client.parser.lastEventId).toBe(ofFirst(1));
    const ofSecond = await server.append(["b", "b"]);
    await client.until(({ parser }) => parser.lastEventId === ofSecond(2));
    expect(client.messages).toEqual(["a"]);
    expect(client.parser.comments.every((comment) => comment === " ping")).toBe(true);
  });

  test("sends no comment into plain text", async () => {
    await start({ heartbeatMs: 30 }, openLog);
    const events = await server.open(server.url({ tail: true }));
    const plain = await server.open(server.url({ tail: true }), { accept: "text/plain" });
    await events.until(({ parser }) => parser.comments.length >= 3);
    await server.append(["x"]);
    await plain.until(({ text }) => text.endsWith("\n"));
    expect(plain.text).toBe(`${time} app[web.1]: x\n`);
  });

  test("ends cleanly when the server closes, and when the app goes; then it is not found", async () => {
    await start({}, openLog);
    const url = server.url({ tail: true });
    const client = await server.open(url);
    await client.until(({ parser }) => parser.retryMs !== undefined);
    server.gone.add(server.channel);
    await server.log.destroy(server.channel);
    await client.end();
    const after = await (await server.open(url)).end();
    expect(after.response.statusCode).toBe(404);
    expect(after.response.headers["content-type"]).toBe("text/plain; charset=utf-8");

    const tails = ["text/event-stream", "text/plain"].map((accept) =>
      server.open(server.url({ tail: true, channel: newChannelId() }), { accept }),
    );
    const open = await Promise.all(tails);
    expect(server.tails.count).toBe(2);
    const closing = server.close();
    for (const each of open) await each.end();
    await closing;
    expect(server.tails.count).toBe(0);
  });

  test("ends cleanly at once when the right to read is over, and tells nothing more", async () => {
    await start({}, openLog);
    const clients = await Promise.all(
      ["text/event-stream", "text/plain"].map((accept) =>
        server.open(server.url({ tail: true }), { accept }),
      ),
    );
    await server.append(["before"]);
    for (const client of clients) await client.until(({ text }) => text.includes("before"));
    const rights = [...server.rights];
    expect(rights).toHaveLength(2);
    for (const right of rights) right.abort();
    await server.append(["after"]);
    for (const client of clients) expect((await client.end()).text).not.toContain("after");
    await expect.poll(() => server.rights.size).toBe(0);
  });

  test("leaves nothing behind when its client goes", async () => {
    await start({}, openLog);
    const client = await server.open(server.url({ tail: true }));
    await client.until(({ parser }) => parser.retryMs !== undefined);
    client.leave();
    await expect.poll(() => server.tails.count).toBe(0);
  });
});

describe("the route", () => {
  test("answers 404 for a session that was never issued", async () => {
    await start();
    const client = await (
      await server.open(`${server.origin}/sessions/01234567-89ab-cdef-0123-456789abcdef`)
    ).end();
    expect(client.response.statusCode).toBe(404);
    expect(client.text).toMatch(/no such log session/);
  });

  test("answers 404 when the right to read ends while the log is looked at", async () => {
    await start({}, async (options) => {
      const log = await openMemoryLog(options);
      const recent: typeof log.recent = async (...args) => {
        const found = await log.recent(...args);
        for (const right of server.rights) right.abort();
        return found;
      };
      return {
        append: (...args) => log.append(...args),
        follow: (...args) => log.follow(...args),
        lineAfter: (...args) => log.lineAfter(...args),
        destroy: (...args) => log.destroy(...args),
        close: () => log.close(),
        recent,
      };
    });
    const client = await (await server.open(server.url({ tail: true }))).end();
    expect(client.response.statusCode).toBe(404);
    expect(client.text).toMatch(/no such log session, or it is over/);
    expect(server.rights.size).toBe(0);
  });

  test("answers HEAD with the head alone and opens no stream", async () => {
    await start();
    const status = await new Promise((resolve, reject) => {
      const head = request(server.url({ tail: true }), { method: "HEAD", agent: false }, (response) => {
        response.resume().on("end", () => resolve(response.statusCode));
      });
      head.on("error", reject).end();
    });
    expect(status).toBe(200);
    expect(server.tails.count).toBe(0);
  });

  test("answers 503 with Retry-After when an app, or all of them, have as many streams as they may", async () => {
    await start({ tailsMax: 3, tailsPerAppMax: 2 });
    const open = (channel = server.channel) => server.open(server.url({ tail: true, channel }));
    await Promise.all([open(), open()]);
    const third = await open();
    expect(third.response.statusCode).toBe(503);
    expect(third.response.headers["retry-after"]).toBe("5");
    expect((await third.end()).text).toContain("This app has 2 log streams open, which is the limit.");
    expect((await open(newChannelId())).response.statusCode).toBe(200);
    const fourth = await open(newChannelId());
    expect(fourth.response.statusCode).toBe(503);
    expect((await fourth.end()).text).toContain("The server has 3 log streams open, which is the limit.");
    await server.tails.close();
    const late = await open(newChannelId());
    expect((await late.end()).text).toContain("The server is stopping and opens no more log streams.");
  });
});
