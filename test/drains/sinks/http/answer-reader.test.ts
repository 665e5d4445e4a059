import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { answerBytesMax } from "../../../../src/drains/sinks/http/answer.ts";
import {
  AnswerReader,
  headBytesMax,
  interimAnswersMax,
} from "../../../../src/drains/sinks/http/answer-reader.ts";
import { oddAnswer, oddHeads } from "./odd-heads.ts";

/** What a reader makes of bytes that come in pieces, each ending at one of the places. */
function read(bytes: Buffer | string, { cuts = [] as readonly number[], ends = false } = {}) {
  const whole = typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes;
  const reader = new AnswerReader();
  const places = [...new Set([...cuts.map((cut) => cut % (whole.length + 1)), whole.length])].sort(
    (a, b) => a - b,
  );
  let at = 0;
  for (const place of places) {
    if (place > at) reader.push(whole.subarray(at, place));
    at = place;
  }
  if (ends) reader.end();
  const { isDone, isReusable, flaw, status } = reader;
  if (status === undefined) return { isDone, isReusable, flaw, status };
  const { headers, raw, isCut } = reader.answer;
  return { isDone, isReusable, flaw, status, headers: Object.fromEntries(headers), body: String(raw), isCut };
}

const ok = (rest = "Content-Length: 0\r\n\r\n", status: number | string = "200 OK") =>
  `HTTP/1.1 ${status}\r\n${rest}`;

describe("a good answer", () => {
  test.each([
    ["with a length", ok("Content-Length: 2\r\n\r\nok"), "ok"],
    ["with an empty body", ok(), ""],
    [
      "in chunks",
      ok("Transfer-Encoding: chunked\r\n\r\n1\r\no\r\n1;x=y\r\nk\r\n0\r\nX: trailer\r\n\r\n"),
      "ok",
    ],
    ["without a body by its status", ok("\r\n", "204 No Content"), ""],
    ["without a reason", ok("Content-Length: 2\r\n\r\nok", "200"), "ok"],
    [
      "of a large head",
      ok(`X: ${"y".repeat(30_000)}\r\n${"X: y\r\n".repeat(2_000)}Content-Length: 2\r\n\r\nok`),
      "ok",
    ],
    ["behind a blank line", `\r\n${ok()}`, ""],
    ["behind interim answers", `${ok("\r\n", "100 Continue")}${ok("Link: x\r\n\r\n", 103)}${ok()}`, ""],
    [
      "of HTTP/1.0 that is kept",
      "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nok",
      "ok",
    ],
  ])("%s is read to its end, and its connection used again", (_, text, body) => {
    expect(read(text)).toMatchObject({ isDone: true, isReusable: true, isCut: false, flaw: undefined, body });
  });

  test.each([
    ["says close", ok("Connection: x, Close\r\nContent-Length: 2\r\n\r\nok")],
    ["is of HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"],
    ["has bytes behind it", `${ok()}${ok()}`],
    ["becomes another protocol", ok("Upgrade: x\r\n\r\n", 101)],
  ])("that %s ends the connection", (_, text) => {
    expect(read(text)).toMatchObject({ isDone: true, isReusable: false, isCut: false });
  });

  test("without a length goes on to the end of the connection", () => {
    expect(read(ok("\r\nok"))).toMatchObject({ isDone: false, status: 200 });
    expect(read(ok("\r\nok"), { ends: true })).toMatchObject({
      isDone: true,
      isReusable: false,
      isCut: false,
      body: "ok",
    });
  });

  test("without a length is not waited for where its body says nothing", () => {
    const reader = new AnswerReader({ readsBodyOfSuccess: false });
    reader.push(Buffer.from(ok("\r\n")));
    expect([reader.isDone, reader.isReusable]).toEqual([true, false]);
  });

  test("tells how long its connection is kept", () => {
    const reader = new AnswerReader();
    reader.push(Buffer.from(ok("Keep-Alive: timeout=5, max=10\r\nContent-Length: 0\r\n\r\n")));
    expect(reader.keptMs).toBe(5_000);
  });

  test("has its fields by their names in small letters; lists are joined, of others the first counts", () => {
    const fields = "RETRY-After:  7 \r\nRetry-After: 8\r\nX: a\r\nx: b\r\nContent-Length: 0\r\n\r\n";
    expect(read(ok(fields)).headers).toEqual({ "retry-after": "7", x: "a, b", "content-length": "0" });
  });
});

describe("the status line decides, whatever follows it", () => {
  test.each([...oddHeads])("%s", (_, head) => {
    for (const status of [200, 204, 299, 400, 413, 503]) {
      const found = read(oddAnswer(head, status), { ends: true });
      expect(found).toMatchObject({ isDone: true, isReusable: false, flaw: undefined, status });
    }
  });

  test("property: random bytes behind it change nothing, however they are cut", () => {
    const bytes = fc.uint8Array({ maxLength: 400 });
    const inHead = fc.constantFrom(
      "\r\n",
      "\n",
      ": ",
      "\r\nContent-Length:",
      "\r\nTransfer-Encoding: chunked",
      "\r\n\r\n",
    );
    const tail = fc.array(fc.oneof(bytes, inHead), { maxLength: 8 });
    fc.assert(
      fc.property(fc.integer({ min: 200, max: 599 }), tail, fc.array(fc.nat()), (status, parts, cuts) => {
        const rest = Buffer.concat(parts.map((part) => Buffer.from(part as string)));
        const found = read(Buffer.concat([Buffer.from(`HTTP/1.1 ${status} `), rest]), { cuts, ends: true });
        expect(found).toMatchObject({ status, flaw: undefined, isDone: true });
      }),
    );
  });
});

test("property: an answer is the same however it is cut", () => {
  const texts = [...oddHeads.values()].map((head) => String(oddAnswer(head, 503).toString("latin1")));
  const chunked = ok("Transfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n");
  const some = fc.constantFrom(
    ...texts,
    chunked,
    ok("Content-Length: 2\r\n\r\nok"),
    `${ok("\r\n", 100)}${ok()}`,
  );
  fc.assert(
    fc.property(some, fc.array(fc.nat(), { maxLength: 20 }), fc.boolean(), (text, cuts, ends) => {
      const { isReusable: _, ...cut } = read(text, { cuts, ends });
      const { isReusable: __, ...whole } = read(text, { ends });
      expect(cut).toEqual(whole);
    }),
  );
});

test("byte by byte, a status is known with the first character behind its digits", () => {
  expect(read("HTTP/1.1 20").status).toBeUndefined();
  expect(read("HTTP/1.1 200").status).toBeUndefined();
  expect(read("HTTP/1.1 200 ").status).toBe(200);
  expect(read("HTTP/1.1 200", { ends: true }).status).toBe(200);
  expect(read("HTTP/1.1 20", { ends: true }).status).toBeUndefined();
});

test.each([
  "SSH-2.0-OpenSSH\r\n",
  "220 mail ESMTP\r\n",
  "HTTP/1.1 abc\r\n",
  "HTTP/1.1 2000 OK\r\n",
  "HTTP/1.1 099 OK\r\n",
  "\0",
  "POST / HTTP/1.1\r\n",
  "\x15\x03\x01",
  `HTTP/1.1 ${" ".repeat(100)}`,
])("%j is no HTTP", (text) =>
  expect(read(text)).toMatchObject({ isDone: true, flaw: "no HTTP", status: undefined }),
);

describe("bounds", () => {
  const interim = ok("\r\n", "103 Early Hints");

  test(`${interimAnswersMax} interim answers are waited out, one more is not`, () => {
    expect(read(interim.repeat(interimAnswersMax) + ok())).toMatchObject({ status: 200, isReusable: true });
    expect(read(interim.repeat(interimAnswersMax + 1))).toMatchObject({
      isDone: true,
      flaw: "interim answers alone",
    });
  });

  test("a head that does not end is given up, with the status that it began with", () => {
    const endless = Buffer.alloc(headBytesMax, "x");
    const reader = new AnswerReader();
    reader.push(Buffer.from(ok("Retry-After: 7\r\nX: ")));
    reader.push(endless);
    expect([reader.isDone, reader.isReusable, reader.answer.headers.get("retry-after")]).toEqual([
      true,
      false,
      "7",
    ]);
    expect(read(Buffer.concat([Buffer.from("HTTP/1.1 103 x\r\nX: "), endless]))).toMatchObject({
      isDone: true,
      flaw: "interim answers alone",
    });
    expect(read(Buffer.alloc(headBytesMax, "\r\n"))).toMatchObject({ isDone: true, flaw: "no HTTP" });
  });

  test.each([
    ["with a length", `Content-Length: ${1 << 30}\r\n\r\n`, ""],
    ["in chunks", "Transfer-Encoding: chunked\r\n\r\n", "40000000\r\n"],
    ["without a length", "\r\n", ""],
  ])("of a long body %s the beginning is kept, and the connection ends", (_, head, before) => {
    const found = read(ok(head) + before + "x".repeat(answerBytesMax + 1));
    expect(found).toMatchObject({ isDone: true, isReusable: false, isCut: true });
    expect(found.body).toBe("x".repeat(answerBytesMax));
  });

  test("chunks that are all extensions, or trailers without end, end the connection", () => {
    const chunked = ok("Transfer-Encoding: chunked\r\n\r\n");
    expect(read(`${chunked}1;${"x".repeat(20_000)}`)).toMatchObject({
      isDone: true,
      isReusable: false,
      status: 200,
    });
    expect(read(`${chunked}0\r\n${"X: y\r\n".repeat(5_000)}`)).toMatchObject({
      isDone: true,
      isReusable: false,
    });
  });
});
