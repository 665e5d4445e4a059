import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { Canoniser, partBytesMax } from "../../../src/core/batch/canonical.ts";
import { canoniseBody } from "../../../src/core/batch/canonise-body.ts";
import { LineCursor } from "../../../src/core/batch/line-cursor.ts";
import { framesFrom, splitLines, toLogplex, toRfc5424 } from "../../../src/core/batch/lines.ts";
import { atOnce } from "../../../src/core/scheduling/steps.ts";
import { canonised } from "../../support/canonised.ts";
import { octetCounted } from "../../support/frames.ts";

const options = { frameBytesMax: 1000, nowMs: Date.UTC(2026, 0, 2) };
const time = "2026-01-02T03:04:05.000006+00:00";

function canonise(source: string, ...payloads: string[]) {
  return canonised(Buffer.concat(payloads.map(octetCounted)), source, options);
}

/** The canonical payloads, without their lengths. */
function payloadsOf(lines: { bytes: Uint8Array; form: "logplex" | "rfc5424" }): string[] {
  const cursor = new LineCursor().open(lines.bytes, lines.form);
  const seen: string[] = [];
  while (cursor.next()) seen.push(Buffer.from(lines.bytes.subarray(cursor.headStart, cursor.end)).toString());
  return seen;
}

describe("canonical form", () => {
  test.each([
    ["with nil structured data", `<190>1 ${time} h t.x web.1 - - hello\n`, "hello\n"],
    ["without structured data", `<190>1 ${time} h app web.1 - hello`, "hello"],
    ["without a message", `<190>1 ${time} h app web.1 - -`, ""],
    ["with an empty message", `<190>1 ${time} h app web.1 - - `, ""],
    ["ending at MSGID", `<190>1 ${time} h app web.1 -`, ""],
    ["with a message that starts like nothing", `<190>1 ${time} h app web.1 - -- x`, "-- x"],
    ["with a bracket that is no structured data", `<190>1 ${time} h app web.1 - [x`, "[x"],
    ["with blanks doubled between its fields", `<190>1  ${time}  h   app  web.1  - - a  b`, "a  b"],
    [
      "with a word that is too long for a MSGID",
      `<190>1 ${time} h app web.1 ${"x".repeat(33)} y`,
      `${"x".repeat(33)} y`,
    ],
    ["with a word that is no ASCII where MSGID stands", `<190>1 ${time} h app web.1 Größe 7`, "Größe 7"],
    ["with a mark of UTF-8 before its text", `<190>1 ${time} h app web.1 - - \uFEFF{}`, "{}"],
    ["with a mark of UTF-8 before all of it", `\uFEFF<190>1 ${time} h app web.1 - - x`, "x"],
  ])("a frame %s", (_, payload, message) => {
    const lines = canonise("app", payload);
    expect(lines.form).toBe("logplex");
    expect(payloadsOf(lines)).toEqual([`<190>1 ${time} host app web.1 - ${message}`]);
  });

  test("SOURCE is the token's name, whatever the sender claims", () => {
    expect(payloadsOf(canonise("web", `<1>1 ${time} heroku heroku router - - x`))).toEqual([
      `<1>1 ${time} host web router - x`,
    ]);
  });

  test("MSGID and structured data stay, and the lines beside them get nil ones", () => {
    const lines = canonise(
      "app",
      `<190>1 ${time} h app web.1 - - one`,
      `<190>1 ${time} h app web.1 ID7 [a b="c \\] d"][e] two`,
      `<190>1 ${time} h app web.1 - - three`,
    );
    expect(lines.form).toBe("rfc5424");
    expect(payloadsOf(lines)).toEqual([
      `<190>1 ${time} host app web.1 - - one`,
      `<190>1 ${time} host app web.1 ID7 [a b="c \\] d"][e] two`,
      `<190>1 ${time} host app web.1 - - three`,
    ]);
    expect(payloadsOf(toLogplex(lines))).toEqual([
      `<190>1 ${time} host app web.1 - one`,
      `<190>1 ${time} host app web.1 - two`,
      `<190>1 ${time} host app web.1 - three`,
    ]);
  });

  test.each([
    ["no syslog at all", 190, "no syslog at all"],
    ["<1>2 x", 1, "2 x"],
    ["<999999>1 a b c d e f", 190, "<999999>1 a b c d e f"],
    ["<192>2 x", 190, "<192>2 x"],
    [`<1>1 ${time} h app`, 1, `1 ${time} h app`],
    ["<190>1 \u0007 h a p - - m", 190, "1 \u0007 h a p - - m"],
    ["<14>\uFEFFtext", 14, "text"],
  ])("%j is no syslog and becomes the message of a line", (payload, pri, message) => {
    const line = `<${pri}>1 2026-01-02T00:00:00.000000+00:00 host app - - ${message}`;
    expect(payloadsOf(canonise("app", payload, payload))).toEqual([line, line]);
  });

  test.each([
    ["nil", "-"],
    ["words with no-break spaces", "\u00a0heroku[router]:\u00a0at=error"],
    ["no day of its month", "2026-02-29T00:00:00Z"],
    ["a leap second", "2026-06-30T23:59:60Z"],
    ["seconds since 1970", "1767322800"],
  ])("a TIME that is %s is the time of acceptance", (_, wrong) => {
    expect(payloadsOf(canonise("app", `<190>1 ${wrong} h app web.1 - - x`))).toEqual([
      "<190>1 2026-01-02T00:00:00.000000+00:00 host app web.1 - x",
    ]);
  });

  test("a PRI that does not exist keeps its severity, and a PROCID cannot end the head of a line", () => {
    expect(payloadsOf(canonise("app", `<999>1 ${time} h app a]:\u00a0b - - x`))).toEqual([
      `<15>1 ${time} host app a?:??b - x`,
    ]);
  });

  test("a PROCID is cut to what RFC 5424 allows, so that heads stay short", () => {
    const [line] = payloadsOf(canonise("app", `<190>1 ${time} h app ${"p".repeat(5_00)} - - x`));
    expect(line).toBe(`<190>1 ${time} host app ${"p".repeat(128)} - x`);
  });

  test.each([
    ["5 hell", "truncated", 0, 0],
    ["5 hello12", "truncated", 1, 7],
    ["hello\n", "length_not_decimal", 0, 0],
    ["5 hello\n5 hello", "length_not_decimal", 1, 7],
    ["1001 x", "frame_too_long", 0, 0],
  ])("a body %j is refused as a whole: %s", (body, reason, frame, offset) => {
    expect(atOnce(canoniseBody(Buffer.from(body), "app", options))).toEqual({
      kind: "bad",
      reason,
      frame,
      offset,
    });
  });

  test("an empty body is no lines", () => {
    expect(canonise("app").count).toBe(0);
  });
});

// What the canonical form is, once more, slowly and with strings.
function slowly(source: string, payload: string): string {
  const parts = /^(<\d{1,3}>)1 ([!-~]+) [!-~]+ [!-~]+ ([!-~]+) - - (.*)$/s.exec(payload)!;
  return `${parts[1]}1 ${parts[2]} host ${source} ${parts[3]} - ${parts[4]}`;
}

const word = fc.stringMatching(/^[!-~]{1,40}$/);
const process = fc.stringMatching(/^[!-\\^-~]{1,40}$/);
const clock = fc
  .tuple(
    fc.date({ min: new Date(0), max: new Date(4e12), noInvalidDate: true }),
    fc.constantFrom("", "0", "042"),
  )
  .map(([date, more]) => date.toISOString().replace("Z", `${more}+00:00`));
const text = fc.string({ unit: "binary", maxLength: 120 }).filter((any) => !any.startsWith("\uFEFF"));
const payload = fc
  .tuple(fc.nat(191), clock, word, word, process, text)
  .map(
    ([pri, at, host, app, process, message]) => `<${pri}>1 ${at} ${host} ${app} ${process} - - ${message}`,
  );

test("canonising in place and into a new buffer give what the slow way gives", () => {
  fc.assert(
    fc.property(
      fc.array(payload, { maxLength: 30 }),
      fc.stringMatching(/^[a-z][a-z-]{0,60}$/),
      (payloads, source) => {
        const expected = payloads.map((text) => slowly(source, text));
        const inPlace = canonise(source, ...payloads);
        expect(payloadsOf(inPlace)).toEqual(expected);
        expect(inPlace.count).toBe(payloads.length);
        const apart = new Canoniser(source);
        for (const text of payloads) {
          const bytes = Buffer.from(text);
          apart.add(bytes, 0, bytes.length, 0);
        }
        expect(Buffer.compare(apart.take().bytes, inPlace.bytes)).toBe(0);
      },
    ),
  );
});

const anyPayload = fc.oneof(
  payload,
  fc
    .tuple(
      fc.constantFrom("Feb  3 04:05:06", time),
      word,
      fc.stringMatching(/^(\[[a-z.]{0,9}\])?$/),
      fc.string(),
    )
    .map(
      ([clock, tag, pid, message]) => `<30>${clock} box ${tag.replaceAll(/[^a-z.]/g, "x")}${pid}: ${message}`,
    ),
  fc.uint8Array({ minLength: 1, maxLength: 100 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
  fc
    .tuple(word, fc.stringMatching(/^(\[[a-z ="]{0,9}\]){0,3}$/), fc.string({ maxLength: 40 }))
    .map(([msgid, sd, message]) => `<14>1 ${time} h app web.1 ${msgid} ${sd || "-"} ${message}`),
);

test("frames of any bytes become as many canonical lines, in both forms", () => {
  fc.assert(
    fc.property(fc.array(anyPayload, { maxLength: 20 }), (payloads) => {
      const lines = canonise("app", ...payloads.map((text) => (text === "" ? "x" : text)));
      expect(payloadsOf(lines).length).toBe(payloads.length);
      const logplex = toLogplex(lines);
      expect(payloadsOf(logplex).length).toBe(payloads.length);
      expect(payloadsOf(toLogplex(toRfc5424(logplex)))).toEqual(payloadsOf(logplex));
    }),
  );
});

test("any bytes as a body: lines or a clear refusal, never a throw", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(["lines", "bad"]).toContain(atOnce(canoniseBody(Buffer.from(bytes), "app", options)).kind);
    }),
  );
});

test("many lines are cut into parts between frames, each part under a dedup id of its own", () => {
  fc.assert(
    fc.property(
      fc.array(payload, { minLength: 1, maxLength: 30 }),
      fc.integer({ min: 1, max: 2000 }),
      fc.integer({ min: 1, max: 2000 }),
      (payloads, max, otherMax) => {
        const lines = { ...canonise("app", ...payloads), dedupId: "f" };
        const parts = splitLines(lines, max);
        expect(Buffer.concat(parts.map(({ bytes }) => bytes)).equals(Buffer.from(lines.bytes))).toBe(true);
        for (const { bytes, count } of parts) {
          expect(payloadsOf({ bytes, form: "logplex" }).length).toBe(count);
          expect(count === 1 || bytes.length <= max).toBe(true);
        }
        parts.slice(1).forEach(({ bytes }, before) => {
          const more = framesFrom(bytes, 0, 1).length;
          expect(parts[before]!.bytes.length + more).toBeGreaterThan(max); // as many as fit
        });
        if (lines.bytes.length <= max) expect(parts[0]).toBe(lines);
        else expect(new Set(parts.map(({ dedupId }) => dedupId)).size).toBe(parts.length);
        for (const part of splitLines(lines, otherMax)) {
          const same = parts.find(({ dedupId }) => dedupId === part.dedupId) ?? part;
          expect(same.bytes).toEqual(part.bytes); // an id names lines, however they are cut
        }
      },
    ),
  );
});

const plainFrame = `<13>1 ${time} h app-of-a-long-name web.1 - - in place`;
const shortFrame = "<13>1 - - - - - - x";
const wideFrame = `<13>1 ${time} h app web.1 ID [a b="c"] wide`;

/** The parts of a body's lines. */
function partsOf(body: Buffer, bodyOptions = options) {
  const found = atOnce(canoniseBody(body, "app", bodyOptions));
  if (found.kind === "bad") throw new Error(found.reason);
  expect(found.parts.reduce((sum, { count }) => sum + count, 0)).toBe(found.count);
  return found.parts;
}

test("lines that stay in a large body have no index, as they are cut before they are stored; all others have one", () => {
  const [inPlace, ...others] = partsOf(Buffer.concat(Array<Buffer>(60_000).fill(octetCounted(plainFrame))));
  expect(others).toEqual([]);
  expect(inPlace!.bytes.length).toBeGreaterThan(1024 * 1024);
  expect(inPlace!.index).toBeUndefined();
  for (const { bytes, index } of partsOf(Buffer.from("1 x".repeat(20_000)))) expect(index?.bytes).toBe(bytes);
});

test.each<readonly [string, readonly string[]]>([
  ["that grow", Array<string>(30_000).fill(shortFrame)],
  [
    "that grow after others that do not",
    [...Array<string>(10_000).fill(plainFrame), ...Array<string>(30_000).fill(shortFrame)],
  ],
  ["whose last one has structured data", [...Array<string>(20_000).fill(plainFrame), wideFrame]],
  [
    "that grow, until one has structured data",
    [...Array<string>(20_000).fill(shortFrame), wideFrame, ...Array<string>(9_000).fill(shortFrame)],
  ],
  [
    "one of which has structured data now and then",
    Array.from({ length: 30_000 }, (_, n) => (n % 100 === 99 ? wideFrame : shortFrame)),
  ],
])("lines %s are in parts, and nothing that was written is copied into more than a part", (_, frames) => {
  const body = Buffer.concat(frames.map(octetCounted));
  const made = vi.spyOn(Buffer, "allocUnsafe");
  const parts = partsOf(Buffer.from(body));
  const largest = Math.max(...made.mock.calls.map(([bytes]) => bytes));
  made.mockRestore();
  expect(largest).toBeLessThanOrEqual(partBytesMax);
  expect(parts.length).toBeGreaterThan(1);
  // Each line is what its frame alone becomes, but for the nil structured data of those beside others with some.
  const alone = frames.map((frame) => payloadsOf(toLogplex(canonise("app", frame)))[0]);
  expect(parts.flatMap((part) => payloadsOf(toLogplex(part)))).toEqual(alone);
  const whole = parts.flatMap((part) => payloadsOf(part));
  expect(whole.filter((line) => line.endsWith(`ID [a b="c"] wide`))).toHaveLength(
    frames.filter((frame) => frame === wideFrame).length,
  );
});

test("a body of few lines that outgrow it gets room once, and no more than its first frames foretell", () => {
  const made = vi.spyOn(Buffer, "allocUnsafe");
  const [tiny] = partsOf(Buffer.from("1 x".repeat(2_000)));
  expect(made.mock.calls.length).toBeLessThanOrEqual(2); // one of them makes the time
  made.mockRestore();
  expect(tiny!.bytes.buffer.byteLength).toBeLessThan(1.1 * tiny!.bytes.length + 8192);
});

test.each([
  ["tiny ones", "1 x".repeat(2_000), 1_000, 3_000],
  [
    "ones that are longer at first",
    `200 ${"y".repeat(200)}`.repeat(100) + "1 x".repeat(2_000),
    1_000,
    23_100,
  ],
])("frames over their bound are refused at the first of them: %s", (_, text, framesMax, offset) => {
  const body = Buffer.from(text);
  const found = atOnce(canoniseBody(Buffer.from(body), "app", { ...options, framesMax }));
  expect(found).toEqual({ kind: "bad", reason: "too_many", frame: framesMax, offset });
  expect(atOnce(canoniseBody(body, "app", { ...options, framesMax: 2_100 })).kind).toBe("lines");
});

test("frames can be skipped and taken by number", () => {
  const lines = canonise("app", ...[1, 2, 3, 4].map((n) => `<1>1 ${time} h a p - - ${n}`));
  const middle = framesFrom(lines.bytes, 1, 2);
  expect(payloadsOf({ bytes: middle, form: "logplex" }).map((text) => text.at(-1))).toEqual(["2", "3"]);
  expect(framesFrom(lines.bytes, 4).length).toBe(0);
});

test.each(["", "junk", "99999", "5 <1>1", "12 <190>1 a b c", "7 no-pri!"])(
  "stored bytes %j that are no lines are told, not walked for ever",
  (text) => {
    const bytes = Buffer.from(text);
    const walk = () => {
      const line = new LineCursor().open(bytes, "logplex");
      while (line.next());
    };
    if (text === "") expect(walk).not.toThrow();
    else {
      expect(walk).toThrow("damaged");
      if (!/^\d+ /.test(text)) expect(() => framesFrom(bytes, 1)).toThrow("damaged");
    }
  },
);
