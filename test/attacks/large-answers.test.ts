/** Clients that ask for large answers, which lie in the system's memory until they are read. */
import { expect, onTestFinished, test, vi } from "vitest";
import { AnswerPace } from "../../src/http/answer-pace.ts";
import { PacedLine } from "../../src/http/paced-line.ts";
import { kept } from "../support/kept.ts";
import { RawClient } from "../support/raw-client.ts";
import { HttpDoor } from "./http-door.ts";

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

test("an address is sent so much at once, and waits from there on; nobody else does, and POST /logs never", async () => {
  const page = Buffer.alloc(60_000, "x");
  const asked: string[] = [];
  const door = kept(
    await HttpDoor.open(
      (request, response) => {
        asked.push(request.url!);
        response.end(request.method === "POST" ? "" : page);
      },
      { answerBytesMax: 100_000, answerBytesPerSecond: 1 },
    ),
  );
  const greedy = await Promise.all(
    Array.from({ length: 20 }, () => RawClient.open(door.port, { from: "127.0.0.2", reads: false })),
  );
  for (const client of greedy) client.send(get("/page"));
  await door.reached(() => asked.length === 2);
  const sender = await RawClient.open(door.port, { from: "127.0.0.2" });
  sender.send("POST /logs HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  await sender.until((got) => got.startsWith("HTTP/1.1 200"));
  const other = await RawClient.open(door.port, { from: "127.0.0.3" });
  other.send(get("/other"));
  await other.until((got) => got.startsWith("HTTP/1.1 200"));
  expect(asked).toEqual(["/page", "/page", "/logs", "/other"]);
});

test("what has to wait is as long as its excess takes, small answers cost nothing, and all is forgotten in the end", () => {
  let nowMs = 0;
  const pace = new AnswerPace({ answerBytesMax: 1_000_000, answerBytesPerSecond: 100_000 }, () => nowMs);
  for (let n = 0; n < 1_000; n++) pace.sent("a", 10_000);
  expect(pace.waitMs("a")).toBe(0);
  pace.sent("a", 1_500_000);
  expect(pace.waitMs("a")).toBe(5_001);
  expect(pace.waitMs("b")).toBe(0);
  nowMs = 5_001;
  expect(pace.waitMs("a")).toBe(0);
  pace.sent("a", 100_000);
  expect(pace.waitMs("a")).toBe(1_000);
  nowMs = 60_000;
  expect(pace.waitMs("a")).toBe(0);
});

test("answers that many wait for are paced when they are there, also when none was sent as their requests began", async () => {
  const page = Buffer.alloc(60_000, "x");
  const waiting: (() => void)[] = [];
  const door = kept(
    await HttpDoor.open((_request, response) => waiting.push(() => response.end(page)), {
      answerBytesMax: 100_000,
      answerBytesPerSecond: 1,
    }),
  );
  const greedy = await Promise.all(
    Array.from({ length: 20 }, () => RawClient.open(door.port, { from: "127.0.0.2" })),
  );
  for (const client of greedy) client.send(get("/page"));
  await door.reached(() => waiting.length === 20);
  for (const answer of waiting.splice(0)) answer();
  const other = await RawClient.open(door.port, { from: "127.0.0.3" });
  other.send(get("/other"));
  await door.reached(() => waiting.length === 1);
  waiting[0]!();
  await other.until((got) => got.endsWith("xx"));
  await door.reached(() => greedy.filter(({ got }) => got.endsWith("xx")).length === 2);
  expect(greedy.filter(({ got }) => got !== "")).toHaveLength(2);
});

test("one of an address that waits goes at a time, in order, and the others when it has paid off again", () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  let waitMs = 10;
  const line = new PacedLine({ waitMs: (address) => (address === "a" ? waitMs : 0) });
  const gone: string[] = [];
  for (const name of ["first", "second", "third"]) line.add("a", () => gone.push(name));
  line.add("b", () => gone.push("other"));
  expect(gone).toEqual(["other"]);
  expect(vi.getTimerCount()).toBe(1);
  vi.advanceTimersByTime(9);
  expect(gone).toEqual(["other"]);
  waitMs = 0;
  vi.advanceTimersByTime(1);
  expect(gone).toEqual(["other", "first"]);
  waitMs = 5;
  vi.runOnlyPendingTimers();
  expect(gone).toEqual(["other", "first"]);
  waitMs = 0;
  vi.runAllTimers();
  expect(gone).toEqual(["other", "first", "second", "third"]);
});
