/** What a server, or a proxy before it, that does not end an answer can take of the tab; without a browser. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { api } from "../../web/src/api.ts";
import { readLines } from "../../web/src/log/log-search.ts";
import { LogStream, type StreamState } from "../../web/src/log/log-stream.ts";

const bounds = { linesMax: 100, bytesMax: 1024 * 1024 };
const asked = { lines: 10, context_before: 1 };
const { signal } = new AbortController();

/** The answer of the server to what follows the opening of a session; `pieces` may have no end. */
let answer: () => Response;
let piecesRead: number;

beforeEach(() => {
  piecesRead = 0;
  vi.stubGlobal("fetch", async (path: string) =>
    path.endsWith("log-sessions") ? Response.json({ logplex_url: "/sessions/one" }) : answer(),
  );
  vi.stubGlobal("requestAnimationFrame", (go: () => void) => setTimeout(go));
  vi.stubGlobal("cancelAnimationFrame", clearTimeout);
  vi.stubGlobal("addEventListener", () => {});
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const answers = (pieceAt: (n: number) => string | undefined): void => {
  const encoder = new TextEncoder();
  answer = () =>
    new Response(
      new ReadableStream<Uint8Array>({
        pull(controller) {
          const piece = pieceAt(piecesRead++);
          if (piece === undefined) controller.close();
          else controller.enqueue(encoder.encode(piece));
        },
      }),
    );
};
const line = (n: number, message = "x") =>
  `id: 1.${n}\ndata: ${JSON.stringify({ position: `1.${n}`, time: "2026-01-01T00:00:00Z", source: "app", dyno: "web.1", severity: "info", message, line: n })}\n\n`;

const mib = "x".repeat(1024 * 1024);

test.each([
  [
    "one line",
    () => `data: ${mib}`.slice(0, mib.length),
    /^The server sends an event of more than 16 MiB\.$/,
  ],
  [
    "fields of one event",
    () => "id: 1\n".repeat(100_000),
    /^The server sends an event of more than 16 MiB\.$/,
  ],
  ["lines", (n: number) => line(n).repeat(100), /^The server sends more than it was asked for\.$/],
  [
    "events that are no lines",
    () => "event: searched\ndata: {}\n\n".repeat(100),
    /^The server sends more than/,
  ],
])("reading of existing lines ends where an answer goes on for ever with %s", async (_, pieceAt, said) => {
  answers(pieceAt);
  await expect(readLines("shop", asked, bounds, signal)).rejects.toThrow(said);
  expect(piecesRead).toBeLessThan(40);
});

test("it ends where the server falls silent within an answer", async () => {
  vi.useFakeTimers();
  answer = () =>
    new Response(new ReadableStream({ start: (to) => to.enqueue(new TextEncoder().encode(line(1))) }));
  const reading = expect(readLines("shop", asked, bounds, signal)).rejects.toThrow("The server fell silent.");
  await vi.advanceTimersByTimeAsync(45_000);
  await reading;
});

test("of an answer with longer lines than a list holds the newest are kept, and older ones are there still", async () => {
  answers((n) =>
    n < 20
      ? line(n, mib.slice(0, 100_000))
      : n === 20
        ? 'event: searched\ndata: {"end":"all","found":[3,4]}\n\n'
        : undefined,
  );
  const { lines, isAll, found } = await readLines("shop", asked, bounds, signal);
  expect(lines.map(({ number }) => number)).toEqual([15, 16, 17, 18, 19]);
  expect(isAll).toBe(false);
  expect(found).toEqual([3, 4]);
});

test("an answer that is whole is all there is, and names no more lines than were asked for", async () => {
  const found = Array.from({ length: 1_000 }, (_, n) => n);
  answers(
    (n) => [line(1), line(2), `event: searched\ndata: ${JSON.stringify({ end: "all", found })}\n\n`][n],
  );
  const read = await readLines("shop", asked, bounds, signal);
  expect(read.lines.map(({ number }) => number)).toEqual([1, 2]);
  expect(read.isAll).toBe(true);
  expect(read.found).toHaveLength(asked.lines);
});

test("a stream is broken off for an event without an end, with that reason", async () => {
  answers(() => mib);
  const why = await new Promise<string>((resolve) => {
    const stream = new LogStream(
      "shop",
      {},
      {
        onLines: () => {},
        onResumed: () => {},
        onReplaced: () => {},
        onState: (state: StreamState) => {
          if (state.kind !== "broken") return;
          stream.stop();
          resolve(state.why);
        },
      },
    );
    stream.start({ kind: "newest", lines: 10 });
  });
  expect(why).toBe("The server sends an event of more than 16 MiB.");
});

test("a server that opens streams and brings nothing is asked ever less often", async () => {
  vi.useFakeTimers();
  let opened = 0;
  answer = () => {
    opened++;
    return new Response("");
  };
  const nothing = { onLines: () => {}, onResumed: () => {}, onReplaced: () => {}, onState: () => {} };
  const stream = new LogStream("shop", {}, nothing);
  stream.start({ kind: "newest", lines: 10 });
  await vi.advanceTimersByTimeAsync(30_000);
  stream.stop();
  expect(opened).toBeGreaterThan(5);
  expect(opened).toBeLessThan(15);
});

test.each([
  ["a list", () => api.apps()],
  ["the metrics", () => api.figures()],
])("%s without an end is given up", async (_, read) => {
  answers(() => mib);
  await expect(read()).rejects.toThrow("The server's answer has more than 64 MiB.");
  expect(piecesRead).toBeLessThan(80);
});

test("an answer that breaks off is no answer", async () => {
  answer = () => new Response(new ReadableStream({ pull: (to) => to.error(new TypeError("terminated")) }));
  await expect(api.apps()).rejects.toThrow("The server does not answer.");
});
