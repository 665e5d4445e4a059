/** An acknowledgement is read as JSON reads it, or left to JSON. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { plainAcknowledgement } from "../../../src/engines/nats/wire/acknowledgement.ts";

const read = (text: string) => plainAcknowledgement(Buffer.from(text));

test.each([
  ['{"stream":"tailrace-log-0","seq":1}', 1],
  ['{"stream":"tailrace-log-12", "seq":1048577}', 1_048_577],
  ['{"stream":"s","seq":999999999999999}', 999_999_999_999_999],
])("%s is read", (text, sequence) => {
  expect(read(text)).toBe(sequence);
});

test.each([
  "",
  "{}",
  '"seq":1}',
  '{"stream":"s","seq":}',
  '{"stream":"s","seq":0}',
  '{"stream":"s","seq":-1}',
  '{"stream":"s","seq":1000000000000000000}',
  '{"stream":"s","seq":1,"duplicate":true}',
  '{"stream":"s","duplicate":true,"seq":1}',
  '{"stream":"s","domain":"d","seq":1}',
  '{"error":{"code":503,"err_code":10077,"description":"maximum messages exceeded"},"stream":"s","seq":1}',
  '{"stream":"s", "error":{"code":400,"seq":1}',
  '{"stream":"s","x":"\\"seq":1}',
])("%s is left to a parser", (text) => {
  expect(read(text)).toBeUndefined();
});

test("what is read is what JSON has of any acknowledgement, whatever else that says", () => {
  const fields = fc.record(
    {
      stream: fc.string(),
      seq: fc.nat(),
      duplicate: fc.boolean(),
      error: fc.record({ code: fc.nat() }),
      domain: fc.string(),
    },
    { requiredKeys: [] },
  );
  const spaced = fc.tuple(fields, fc.boolean());
  fc.assert(
    fc.property(spaced, ([answer, isSpaced]) => {
      const text = JSON.stringify(answer);
      const sequence = read(isSpaced ? text.replaceAll(',"', ', "') : text);
      if (sequence === undefined) return;
      expect(sequence).toBe(answer.seq);
      expect(Object.keys(answer).sort()).toEqual(["seq", "stream"]);
    }),
  );
});
