/** Bodies whose frames take the short way, in their own memory: the same as frames that take the long way, one by one. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Canoniser } from "../../../src/core/batch/canonical.ts";
import { canonised } from "../../support/canonised.ts";
import { octetCounted } from "../../support/frames.ts";

const token = "t.01234567-89ab-4cde-8f01-23456789abcd";
const options = { frameBytesMax: 100_000, nowMs: Date.UTC(2026, 0, 2), token };

const time = fc.constantFrom("2026-01-02T03:04:05.000006+00:00", "2026-01-02T03:04:05Z", "-", "yesterday");
const word = fc.oneof(
  fc.constantFrom("h", "host", "app", "web.1", "-", token, "d.x", "", " ", "]", "é"),
  fc.string({ maxLength: 60 }),
);
const tail = fc.constantFrom("- - ", "- ", "-", "ID7 - ", '- [a b="c"] ', "", "[x ");
const message = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.constantFrom("", "\n", token, `x ${token} y`, "\uFEFFmark", "long ".repeat(300)),
);
/** Mostly as senders write them. */
const frame = fc
  .record({ pri: fc.nat(200), time, host: word, app: word, process: word, tail, message })
  .chain((odd) =>
    fc.constantFrom(
      `<190>1 2026-01-02T03:04:05.000006+00:00 host app web.1 - - ${odd.message}`,
      `<${odd.pri}>1 2026-01-02T03:04:05Z host ${token} web.1 - - ${odd.message}`,
      `<13>1 ${odd.time} ${odd.host} ${odd.app} ${odd.process} ${odd.tail}${odd.message}`,
      `<13>1 2026-01-02T03:04:05Z h a b - - ${odd.message}`, // its line is longer
    ),
  )
  .map((text) => Buffer.from(text));

test.each(["app", "a", "a-source-of-a-long-name"])("of the source %s", (source) => {
  fc.assert(
    fc.property(fc.array(frame, { minLength: 1, maxLength: 12 }), (frames) => {
      const long = new Canoniser(source, Buffer.alloc(0), token);
      for (const one of frames) long.add(one, 0, one.length, options.nowMs);
      const expected = long.take();
      const body = Buffer.concat(frames.map((one) => octetCounted(one)));
      const { bytes, count, form, index } = canonised(body, source, options);
      expect(Buffer.from(bytes).toString("latin1")).toBe(Buffer.from(expected.bytes).toString("latin1"));
      expect([count, form]).toEqual([expected.count, expected.form]);
      const numbers = 8 * count;
      expect([...index!.places.subarray(0, numbers)]).toEqual([
        ...expected.index!.places.subarray(0, numbers),
      ]);
    }),
    { numRuns: 1_000 },
  );
});
