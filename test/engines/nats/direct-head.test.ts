/** Heads of direct answers are read from their bytes as the client's library would read them. */
import { headers, type Msg } from "nats";
import { expect, test } from "vitest";
import { directHead } from "../../../src/engines/nats/wire/direct-head.ts";

/** A message as the library makes it of the bytes of its headers, and one whose bytes are not to be seen. */
function messages(lines: readonly string[], code = 0, description = "") {
  const parsed = headers(code, description);
  for (const line of lines) {
    const [name = "", value = ""] = line.split(": ");
    parsed.append(name, value);
  }
  const status = code === 0 ? "NATS/1.0" : `NATS/1.0 ${code} ${description}`;
  const head = Buffer.from(`${[status, ...lines].join("\r\n")}\r\n\r\n`);
  const bytes = Buffer.concat([Buffer.from("before"), head, Buffer.from("Nats-Sequence: 9\r\n")]);
  const raw = { headers: parsed, _rdata: bytes.subarray(6), _msg: { hdr: head.length } };
  return [raw as unknown as Msg, { headers: parsed } as Msg];
}

const stored = ["Nats-Msg-Id: c:a.1", "Nats-Stream: s", "Nats-Subject: log.0.c", "Nats-Sequence: 12"];
const batch = ["Nats-Num-Pending: 3", "Nats-Last-Sequence: 7"];

test.each([
  ["a message of a batch", [...stored, ...batch], { code: 0, sequence: 12, isBatch: true, before: 7 }],
  ["a single one", stored, { code: 0, sequence: 12, isBatch: false, before: 0 }],
  [
    "one whose publisher named a sequence",
    ["Nats-Expected-Last-Subject-Sequence: 5", ...stored, ...batch],
    { code: 0, sequence: 12, isBatch: true, before: 7 },
  ],
])("%s", (_, lines, head) => {
  for (const message of messages(lines)) expect(directHead(message)).toEqual(head);
});

test.each([
  [204, "EOB"],
  [404, "Message Not Found"],
  [503, "No Responders"],
])("the end of an answer: %i", (code, description) => {
  for (const message of messages(batch, code, description)) expect(directHead(message)).toEqual({ code });
});

test("a message without headers is no answer", () => {
  expect(directHead({ headers: undefined } as unknown as Msg)).toEqual({ code: 503 });
});
