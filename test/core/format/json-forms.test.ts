/** JSON of lines that is copied from the line index says what JSON.stringify says of the scanned lines. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Canoniser } from "../../../src/core/batch/canonical.ts";
import { LineCursor } from "../../../src/core/batch/line-cursor.ts";
import { formatBatch } from "../../../src/core/format/format.ts";
import { partEnd, putJsonChars, putJsonText } from "../../../src/core/format/json-text.ts";
import { OutBuffer } from "../../../src/core/format/out-buffer.ts";
import { textEnd } from "../../../src/core/format/text-end.ts";
import { levels } from "../../../src/core/message/level.ts";
import { origin } from "../../../src/core/position.ts";
import { atOnce } from "../../../src/core/scheduling/steps.ts";
import { bodyFormats } from "../../../src/drains/sinks/formats/all-formats.ts";
import { severityWords } from "../../../src/drains/sinks/formats/text-line.ts";

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 60 }).map((some) => Buffer.from(some)),
  fc.string({ unit: "binary", maxLength: 60 }).map((text) => Buffer.from(text)),
  fc.string({ unit: "grapheme-ascii", maxLength: 60 }).map((text) => Buffer.from(`${text}\r\n`)),
  fc
    .constantFrom("", "\n", '"', "\\", "\u007f", "\u2028", "\u0000 \u001f", "é", "x".repeat(200))
    .map(Buffer.from),
);
const word = fc.stringMatching(/^[!-Z^-~]{1,20}$/);
const data = fc.constantFrom("", "- - ", '- [a@1 k="v"] ', 'ID7 [a@1 k="v \\" w"][b c="d"] ', "ID7 - ");
const frame = fc
  .tuple(fc.nat(999), word, data, bytes)
  .map(([pri, dyno, brought, message]) =>
    Buffer.concat([Buffer.from(`<${pri}>1 2026-01-02T03:04:05Z h a ${dyno} ${brought}`), message]),
  );

/** The lines as ingest makes them. */
const linesOf = fc.array(frame, { minLength: 1, maxLength: 6 }).map((frames) => {
  const canoniser = new Canoniser("app");
  for (const one of frames) canoniser.add(one, 0, one.length, 0);
  return canoniser.take();
});

type Lines = ReturnType<Canoniser["take"]>;

/** The plain form: scans, makes strings, and has the engine write them. */
function plainly(lines: Lines, objectOf: (field: Fields) => object): string {
  const line = new LineCursor().open(lines.bytes, lines.form);
  const field = (start: number, end: number) => Buffer.from(lines.bytes.subarray(start, end)).toString();
  let out = "";
  for (let number = 1; line.next(); number++) {
    const object = objectOf({
      number,
      pri: line.pri,
      time: field(line.timeStart, line.timeEnd),
      source: field(line.sourceStart, line.sourceEnd),
      dyno: field(line.processStart, line.processEnd),
      msgid: unlessNil(field(line.msgidStart, line.msgidEnd)),
      data: unlessNil(field(line.sdStart, line.sdEnd)),
      message: field(line.messageStart, textEnd(lines.bytes, line)),
    });
    out += `${JSON.stringify(object)}\n`;
  }
  return out;
}

type Fields = {
  readonly number: number;
  readonly pri: number;
  readonly time: string;
  readonly source: string;
  readonly dyno: string;
  readonly msgid: string | undefined;
  readonly data: string | undefined;
  readonly message: string;
};

const unlessNil = (text: string): string | undefined => (text === "-" || text === "" ? undefined : text);

test("a field is what JSON.stringify makes of its text", () => {
  fc.assert(
    fc.property(bytes, fc.nat(5), (some, skipped) => {
      const out = new OutBuffer();
      const start = Math.min(skipped, some.length);
      putJsonText(out, some, start, some.length);
      expect(out.take().toString()).toBe(JSON.stringify(some.subarray(start).toString()));
    }),
    { numRuns: 300 },
  );
});

test("a long field may be written in parts, wherever its characters end", () => {
  const run = fc.tuple(bytes, fc.integer({ min: 1, max: 2_000 })).map(([some, times]) => {
    const repeated = Buffer.alloc(some.length * times);
    for (let n = 0; n < times; n++) repeated.set(some, n * some.length);
    return repeated;
  });
  fc.assert(
    fc.property(fc.array(run, { minLength: 1, maxLength: 4 }), (runs) => {
      const some = Buffer.concat(runs);
      const out = new OutBuffer();
      let parts = 0;
      for (let from = 0; from < some.length; parts++) {
        const to = partEnd(some, from, some.length);
        expect(to).toBeGreaterThan(from);
        putJsonChars(out, some, from, to);
        from = to;
      }
      expect(parts).toBeLessThanOrEqual(1 + some.length / 16_380);
      expect(`"${out.take()}"`).toBe(JSON.stringify(some.toString()));
    }),
    { numRuns: 200 },
  );
});

test("JSON of tails and of `logs`", () => {
  const plain = ({ time, source, dyno, pri, message }: Fields) => ({
    position: origin,
    time,
    source,
    dyno,
    severity: levels[pri & 7],
    message,
  });
  fc.assert(
    fc.property(linesOf, (lines) => {
      const made = formatBatch({ ...lines, at: origin }, { format: "json", transport: "plain" });
      expect(made.bytes.toString()).toBe(plainly(lines, plain));
    }),
    { numRuns: 200 },
  );
});

test.each(["ndjson", "betterstack"] as const)("%s", (format) => {
  const plain = ({ time, source, dyno, pri, message, msgid, data: structured }: Fields) => ({
    [format === "ndjson" ? "timestamp" : "dt"]: time,
    app: 'my "shop"',
    source,
    dyno,
    severity: severityWords[pri & 7],
    facility: pri >> 3,
    message,
    msgid,
    structured_data: structured,
  });
  const context = { drainToken: "d.1", appId: "id", appName: 'my "shop"', nowMs: 0 };
  fc.assert(
    fc.property(linesOf, (lines) => {
      const body = [atOnce(bodyFormats[format].write([lines], context))].flat();
      expect(Buffer.concat(body).toString()).toBe(plainly(lines, plain));
    }),
    { numRuns: 200 },
  );
});
