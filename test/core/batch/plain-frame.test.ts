import fc from "fast-check";
import { expect, test } from "vitest";
import { Canoniser, originOf } from "../../../src/core/batch/canonical.ts";
import { PlainFrame, scanPlain } from "../../../src/core/batch/plain-frame.ts";
import { SyslogHeader, scanHeader } from "../../../src/core/wire/syslog.ts";

const time = "2026-01-02T03:04:05.000006+00:00";
const token = "t.01234567-89ab-4cde-8f01-23456789abcd";
const origin = originOf("heroku", token);
const nowMs = Date.UTC(2026, 0, 2);

/** The lines and numbers that a canoniser has. */
function taken(canoniser: Canoniser) {
  const { bytes, count, form, index } = canoniser.copyOut();
  return { bytes: Buffer.from(bytes).toString("latin1"), count, form, places: [...index!.places] };
}

/** What becomes of a frame amid other bytes: the long way, and the short way where it is taken. */
function ways(payload: Buffer) {
  const bytes = Buffer.concat([Buffer.from("t.0 - "), payload, Buffer.from("- 9 <190>1 t.0")]);
  const [start, end] = [6, 6 + payload.length];
  const header = new SyslogHeader();
  scanHeader(bytes, start, end, header, nowMs);
  const long = new Canoniser("");
  long.addScanned(bytes, header, nowMs, origin);
  const frame = new PlainFrame();
  const isPlain = scanPlain(bytes, start, end, frame);
  const short = new Canoniser("", Buffer.alloc(0));
  if (isPlain) expect(short.addPlain(bytes, frame, origin)).toBe(true);
  return { isPlain, header, frame, long: taken(long), short: isPlain ? taken(short) : undefined };
}

test.each([
  `<190>1 ${time} host ${token} web.1 - - at=info method=GET path=/ status=200 bytes=1234\n`,
  `<0>1 2026-01-02T03:04:05Z h ${token} router - a message without structured data`,
  `<13>1 ${time} - ${token} - - -`,
  `<13>1 ${time} h ${token} web.1 - `,
  `<13>1 ${time} h ${token} web.1 - -x`,
  `<13>1 ${time} h ${token} web.1 - - ${token} is hidden`,
  `<13>1 ${time} h ${token} web.1 - - ${"long ".repeat(1000)}`,
])("plain is %s", (payload) => {
  const { isPlain, long, short } = ways(Buffer.from(payload));
  expect(isPlain).toBe(true);
  expect(short).toEqual(long);
});

test.each([
  ["a MSGID", `<190>1 ${time} h ${token} web.1 ID7 - x`],
  ["structured data", `<190>1 ${time} h ${token} web.1 - [a b="c"] x`],
  ["a bracket", `<190>1 ${time} h ${token} web.1 - [x`],
  ["two blanks", `<190>1 ${time} h  ${token} web.1 - - x`],
  ["a host that may be a drain's", `<190>1 ${time} d.x ${token} web.1 - - x`],
  ["a PRI that does not exist", `<192>1 ${time} h ${token} web.1 - - x`],
  ["a PRI with zeros", `<013>1 ${time} h ${token} web.1 - - x`],
  ["another version", `<13>2 ${time} h ${token} web.1 - - x`],
  ["no time", `<13>1 - h ${token} web.1 - - x`],
  ["an odd PROCID", `<13>1 ${time} h ${token} web]1 - - x`],
  ["a long PROCID", `<13>1 ${time} h ${token} ${"p".repeat(129)} - - x`],
  ["a mark of UTF-8", `<13>1 ${time} h ${token} web.1 - - \uFEFFx`],
  ["an APPNAME that is longer", `<13>1 ${time} h ${token}0 web.1 - - x`],
  ["no MSGID", `<13>1 ${time} h ${token} web.1`],
])("not plain is a frame with %s", (_, payload) => {
  expect(ways(Buffer.from(payload)).isPlain).toBe(false);
});

test("whatever a frame is: where it is plain, the short way gives what the long way does", () => {
  const part = fc.oneof(
    { weight: 12, arbitrary: fc.constant(undefined) }, // as it should be
    { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 8 }) },
    {
      weight: 1,
      arbitrary: fc.constantFrom("-", " ", "", '[a b="c"]', "]", token, "t.0", "\0", "1", "é", "ID7"),
    },
  );
  const message = fc.oneof(
    fc.string({ maxLength: 300 }),
    fc.string({ unit: "binary", maxLength: 90 }),
    fc
      .array(fc.constantFrom(token, " ", "t", ".", "0123456789abcdef", "x", token.slice(0, 20), "T.0", "-"), {
        maxLength: 8,
      })
      .map((words) => words.join("")),
  );
  const parts = fc.tuple(part, part, part, part, part, part, part, part, message);
  let plain = 0;
  fc.assert(
    fc.property(
      parts,
      fc.nat({ max: 200 }),
      ([pri, when, host, app, process, msgid, data, odd, text], pri2) => {
        const fields = [
          `${pri ?? `<${pri2}>`}1`,
          when ?? time,
          host ?? "host",
          app ?? token,
          process ?? "web.1",
        ];
        const line = `${[...fields, msgid ?? "-", data ?? "-"].join(" ")} ${odd ?? ""}${text}`;
        const { isPlain, header, frame, long, short } = ways(Buffer.from(line));
        if (!isPlain) return;
        plain++;
        expect(short).toEqual(long);
        expect([header.kind, header.appStart]).toEqual(["rfc5424", frame.tokenStart]);
      },
    ),
    { numRuns: 1000 },
  );
  expect(plain).toBeGreaterThan(100);
});
