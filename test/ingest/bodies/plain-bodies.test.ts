import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { type OtlpDoor, openOtlpDoor } from "../otlp/otlp-door.ts";
import { channelOf, tokenOf } from "../registry.ts";

const app = channelOf(1);
let door: OtlpDoor;
beforeEach(async () => {
  door = await openOtlpDoor();
});
afterEach(() => door.close());

const post = (type: string, body: string, query = "") =>
  door.post(`/logs${query}`, body, { "content-type": type });

test("text is a line an event, of the process that the query names", async () => {
  expect((await post("text/plain", "a\r\n\nb é 😀\nno newline", "?process=web.1")).status).toBe(204);
  expect(door.log.lines(app)).toEqual([
    "app web.1 -|a",
    "app web.1 -|",
    "app web.1 -|b é 😀",
    "app web.1 -|no newline",
  ]);
  expect((await post("text/plain; charset=utf-8", "x\n")).status).toBe(204);
  expect(door.log.lines(app).at(-1)).toBe("app - -|x");
});

test("NDJSON is an event a line, as it is written, with the severity that it names", async () => {
  const lines = ['{"level":"error","msg":"a"}', "", '{"msg":"b"}', '{"level":30}', '"text"'];
  expect((await post("application/x-ndjson", `${lines.join("\n")}\n`, "?process=worker.2")).status).toBe(204);
  expect(door.log.messages(app)).toEqual(lines.filter((line) => line !== ""));
  const bytes = Buffer.from(door.log.stored[0]!.batch.bytes).toString();
  expect([...bytes.matchAll(/<(\d+)>1/g)].map(([, pri]) => pri)).toEqual(["187", "190", "190", "190"]);
});

test("JSON is an array of events, or one", async () => {
  expect((await post("application/json", '[{"a": 1}, "text", 3]')).status).toBe(204);
  expect((await post("application/json", '{\n  "b": 2\n}')).status).toBe(204);
  expect((await post("application/json", "[]")).status).toBe(204);
  expect(door.log.messages(app)).toEqual(['{"a":1}', "text", "3", '{"b":2}']);
});

test.each([
  ["application/json", "{", "", "The body is no JSON."],
  ["application/x-ndjson", '{"a":1}\nb\n', "", "Line 2 is no JSON."],
  ["text/plain", "x", "?process=a%20b", "?process="],
  ["text/plain", "x", "?process=a]b", "?process="],
  ["text/plain", "x", `?process=${"x".repeat(129)}`, "?process="],
  ["text/plain", "x", "?process=a&process=b", "?process="],
])("%s %j%s is refused, and nothing of it is stored", async (type, body, query, mend) => {
  const response = await post(type, body, query);
  expect(response.status).toBe(400);
  expect(response.headers.get("tailrace-error")).toContain(mend);
  expect(door.log.lines()).toEqual([]);
});

test("an API key cannot write lines that name no app, and another type is 415", async () => {
  const everything = { authorization: "Bearer everything", "content-type": "text/plain" };
  const response = await door.post("/logs", "x", everything);
  expect(response.status).toBe(403);
  expect(response.headers.get("tailrace-error")).toContain("tailrace tokens -a APP");
  expect((await post("application/xml", "x")).status).toBe(415);
});

test("lines of a body have a bound, however short they are", async () => {
  await door.close();
  door = await openOtlpDoor({ framesMax: 3 });
  expect((await post("text/plain", "\n".repeat(3))).status).toBe(204);
  for (const [type, body] of [
    ["text/plain", "\n".repeat(4)],
    ["application/x-ndjson", "1\n".repeat(4)],
    ["application/json", "[1,2,3,4]"],
  ] as const)
    expect((await post(type, body)).status).toBe(413);
});

test("a line over 256 KiB is refused with its whole body, and a document over 2 MB", async () => {
  expect((await post("text/plain", `a\n${"x".repeat(256 * 1024)}\n`)).status).toBe(400);
  expect((await post("application/json", JSON.stringify("x".repeat(2_000_000)))).status).toBe(413);
  const long = `[${"[],".repeat(100_000)}[]]`;
  for (const [type, body] of [
    ["application/json", `[1, ${long}]`],
    ["application/json", `{"a": ${long}}`],
    ["application/x-ndjson", `1\n${long}`],
  ] as const)
    expect((await post(type, body)).headers.get("tailrace-error")).toContain("is longer than 262144 bytes.");
  expect(door.log.lines()).toEqual([]);
});

test("a value of JSON with more values in it than any event is refused before it is parsed", async () => {
  const parse = vi.spyOn(JSON, "parse");
  onTestFinished(() => parse.mockRestore());
  const many = `[${"[],".repeat(80_000)}[]]`;
  for (const [type, body] of [
    ["application/json", `[1, ${many}]`],
    ["application/json", `{"a": ${many}}`],
    ["application/x-ndjson", `1\n${many}`],
  ] as const)
    expect((await post(type, body)).headers.get("tailrace-error")).toContain("has more than 10000 values.");
  expect(Math.max(...parse.mock.calls.map(([text]) => text.length))).toBeLessThan(many.length);
  expect(door.log.lines()).toEqual([]);
});

test("the same body under the same id is stored once", async () => {
  for (let n = 0; n < 2; n++)
    await door.post("/logs", "a\n", { "content-type": "text/plain", "logplex-frame-id": "one" });
  expect(door.log.messages(app)).toEqual(["a"]);
});

test("marks of a token keep what each frame names, over HTTP too", async () => {
  door.tokens.records.set(tokenOf(1), {
    ...door.tokens.records.get(tokenOf(1))!,
    keepSource: true,
    keepHostname: true,
  });
  door.tokens.forget();
  const frame = "<158>1 2026-01-02T03:04:05+00:00 box1 heroku router - at=info";
  const headers = { "content-type": "application/logplex-1", "logplex-msg-count": "1" };
  expect((await door.post("/logs", `${frame.length} ${frame}`, headers)).status).toBe(204);
  expect(door.log.lines(app)).toEqual(["heroku box1.router -|at=info"]);
});
