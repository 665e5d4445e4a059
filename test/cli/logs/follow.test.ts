import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Api } from "../../../cli/api/api.ts";
import { follow } from "../../../cli/logs/follow.ts";
import { eventStream, FakeTailrace } from "../../support/fake-tailrace.ts";

let server: FakeTailrace;
let api: Api;
let notes: string[];
beforeEach(async () => {
  server = await FakeTailrace.open();
  api = new Api({ TAILRACE_URL: server.url, TAILRACE_API_KEY: server.key });
  notes = [];
});
afterEach(async () => {
  await api.close();
  await server.close();
});

/** The first `count` lines, or all of a history. */
async function take(tail: boolean, count = Number.POSITIVE_INFINITY): Promise<string[]> {
  const session = { tail, lines: 100, format: "text" } as const;
  const taken: string[] = [];
  for await (const lines of follow({ api, app: "shop", session, note: (text) => notes.push(text) })) {
    taken.push(...lines.map(({ line }) => line));
    if (taken.length >= count) break;
  }
  return taken;
}

describe("following an app", () => {
  test("a history ends with the stream", async () => {
    server.streams = [
      eventStream([
        ["1.1", "one"],
        ["1.2", "two"],
      ]),
    ];
    expect(await take(false)).toEqual(["one", "two"]);
    expect(notes).toEqual([]);
  });

  test("an empty history is no lines", async () => {
    server.streams = [eventStream([])];
    expect(await take(false)).toEqual([]);
  });

  test("a tail goes on behind the last line after a clean end, a cut and a busy server", async () => {
    server.streams = [
      eventStream([["1.1", "one"]], "end"),
      eventStream(
        [
          ["1.2", "two"],
          ["2.1", "three"],
        ],
        "reset",
      ),
      (_, response) => void response.writeHead(503).end(),
      eventStream([["2.2", "four"]], "stay"),
    ];
    expect(await take(true, 4)).toEqual(["one", "two", "three", "four"]);
    expect(server.resumed).toEqual([undefined, "1.1", "2.1", "2.1"]);
    expect(server.sessions).toHaveLength(1);
  });

  test("a tail tells once that it broke and once that it is back", async () => {
    server.streams = [
      eventStream([["1.1", "one"]], "reset"),
      (_, response) => void response.writeHead(503).end(),
      eventStream([["1.2", "two"]], "stay"),
    ];
    await take(true, 2);
    expect(notes).toHaveLength(2);
    expect(notes[0]).toMatch(/^tailrace: shop: .*; connecting again$/);
    expect(notes[1]).toMatch(
      /^tailrace: shop: connected again after \d+ s; it goes on behind the last line$/,
    );
  });

  test("a tail whose address has expired asks for a new one and goes on behind the last line", async () => {
    server.streams = [
      eventStream([["3.7", "one"]]),
      (_, response) => void response.writeHead(404).end(),
      eventStream([["3.8", "two"]], "stay"),
    ];
    expect(await take(true, 2)).toEqual(["one", "two"]);
    expect(server.resumed).toEqual([undefined, "3.7", "3.7"]);
    expect(server.sessions).toHaveLength(2);
  });

  test("a tail ends with the server's word when its app is destroyed", async () => {
    server.streams = [eventStream([["1.1", "one"]])];
    const taking = take(true);
    await server.until(() => server.resumed.length === 1);
    server.apps.delete("shop");
    await expect(taking).rejects.toMatchObject({ message: "Couldn't find that app." });
  });

  test("a history that keeps breaking off is a failure, not an end", async () => {
    server.streams = Array.from({ length: 9 }, () => eventStream([], "reset"));
    await expect(take(false)).rejects.toMatchObject({ message: expect.stringContaining("broke off") });
  });

  test("an address that knows no session, and one with no stream, are the server's --public-url", async () => {
    server.streams = [];
    await expect(take(true)).rejects.toMatchObject({
      message: `${server.url} does not know the log session of shop (it answered 404).`,
      mend: expect.stringContaining("--public-url"),
    });
    server.streams = [(_, response) => void response.writeHead(301).end()];
    await expect(take(true)).rejects.toMatchObject({
      message: `The log stream's address ${server.url} answered 301 and no stream.`,
      mend: expect.stringContaining("--public-url"),
    });
  });

  test("a stream that cannot be reached at first is a failure that names the address", async () => {
    server.streams = [(request) => request.socket.resetAndDestroy()];
    await expect(take(true)).rejects.toMatchObject({
      message: expect.stringContaining(`The log stream of shop at ${server.url} could not be read:`),
      mend: expect.stringContaining("--public-url"),
    });
  });
});
