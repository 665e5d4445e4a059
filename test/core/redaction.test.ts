import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LineCursor } from "../../src/core/lines.ts";
import {
  compileRedaction,
  detectorNames,
  noRedactions,
  patternFlaw,
  type RedactionSpec,
} from "../../src/core/redaction.ts";
import { octetCounted } from "../support/frames.ts";

const head = "<190>1 2026-01-02T03:04:05.000006+00:00 host app web.1 ";

/** What is left of one message. */
function redacted(spec: RedactionSpec, message: string | Buffer): string {
  const bytes = octetCounted(Buffer.concat([Buffer.from(`${head}- `), Buffer.from(message as string)]));
  const slice = { bytes, count: 1, form: "logplex" } as const;
  return textsOf(compileRedaction(spec)(slice, noRedactions()))[0]!;
}

function textsOf(slice: { bytes: Uint8Array; form: "logplex" | "rfc5424" }): string[] {
  const line = new LineCursor().open(slice.bytes, slice.form);
  const texts: string[] = [];
  while (line.next())
    texts.push(Buffer.from(slice.bytes.subarray(line.messageStart, line.end)).toString("latin1"));
  return texts;
}

describe("email", () => {
  const spec: RedactionSpec = { detectors: ["email"] };
  test.each([
    ["from ada.l+x@mail.example.com, hi\n", "from <redacted:email>, hi\n"],
    ["<a@b.co> and c_d@e-f.org.", "<<redacted:email>> and <redacted:email>."],
    ["user=x%40y@z.example", "user=<redacted:email>"],
    ["@handle a@b user@localhost 5@", "@handle a@b user@localhost 5@"],
  ])("%j", (message, left) => expect(redacted(spec, message)).toBe(left));
});

describe("card", () => {
  const spec: RedactionSpec = { detectors: ["card"] };
  test.each([
    ["pan=4111111111111111 ok", "pan=<redacted:card> ok"],
    ["4111 1111 1111 1111 202", "<redacted:card> 202"],
    ["5500-0000-0000-0004.", "<redacted:card>."],
    ["amex 378282246310005", "amex <redacted:card>"],
    ["4111111111111112", "4111111111111112"],
    ["id 41111111111111110000000", "id 41111111111111110000000"],
    ["at 1714557600000 ms", "at 1714557600000 ms"],
    ["x4111111111111111", "x4111111111111111"],
  ])("%j", (message, left) => expect(redacted(spec, message)).toBe(left));
});

describe("bearer", () => {
  const spec: RedactionSpec = { detectors: ["bearer"] };
  test.each([
    ["Authorization: Bearer abcDEF123456~+/==", "Authorization: Bearer <redacted:bearer>"],
    ["authorization=bearer  abcdefgh, next", "authorization=bearer  <redacted:bearer>, next"],
    ["token eyJhbGciOiJIUzI1.eyJzdWIi.c2ln end", "token <redacted:bearer> end"],
    ["Bearer eyJhbGciOiJIUzI1.eyJzdWIi.c2ln", "Bearer <redacted:bearer>"],
    ["the bearer of this", "the bearer of this"],
  ])("%j", (message, left) => expect(redacted(spec, message)).toBe(left));
});

describe("ip", () => {
  const spec: RedactionSpec = { detectors: ["ip"] };
  test.each([
    ["from 203.0.113.7:443, 10.0.0.1.", "from <redacted:ip>:443, <redacted:ip>."],
    ["fwd=2001:db8::1 ok", "fwd=<redacted:ip> ok"],
    ["[::1]:80 ::ffff:10.0.0.1", "[<redacted:ip>]:80 <redacted:ip>"],
    [
      "version 1.2.3.4.5, 256.1.1.1, at 10:00:00, a::b::c",
      "version 1.2.3.4.5, 256.1.1.1, at 10:00:00, a::b::c",
    ],
    ["Foo::Bar and 12:34", "Foo::Bar and 12:34"],
  ])("%j", (message, left) => expect(redacted(spec, message)).toBe(left));
});

describe("own patterns", () => {
  test("are RE2 over text, several and beside detectors", () => {
    const spec: RedactionSpec = { detectors: ["email"], patterns: ["acct-\\d+", "(?i)schlüssel=\\S+"] };
    const left = redacted(spec, "acct-12 a@b.example Schlüssel=öä x acct-3\n");
    expect(left).toBe("<redacted> <redacted:email> <redacted> x <redacted>\n");
  });
  test("keep every byte that they do not find, UTF-8 or not", () => {
    const message = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from("id=7 ü"), Buffer.from([0x80])]);
    const left = Buffer.from(redacted({ patterns: ["id=\\d"] }, message), "latin1");
    expect(left).toEqual(
      Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from("<redacted> ü"), Buffer.from([0x80])]),
    );
  });
  test.each(["(", "a(?=b)", "x*", "", "x".repeat(1_001)])("%j is none", (pattern) => {
    expect(patternFlaw(pattern)).toEqual(expect.any(String));
  });
  test("what would cost too much is redacted to its end", () => {
    const message = `${"ab ".repeat(60_000)}end`;
    const startedMs = performance.now();
    const left = redacted({ patterns: ["a.*z|a"] }, message);
    expect(performance.now() - startedMs).toBeLessThan(10_000);
    expect(left.endsWith("<redacted>")).toBe(true);
    expect(left).not.toContain("end");
  });
});

test("structured data is redacted too; what is left of it is whole or nothing", () => {
  const frame = (rest: string) => octetCounted(head + rest);
  const slice = {
    bytes: Buffer.concat([
      frame('- [a@1 mail="x@y.example"] hi x@y.example'),
      frame("- - plain"),
      frame('ID1 [b key="k"] z'),
    ]),
    count: 3,
    form: "rfc5424",
  } as const;
  const counts = noRedactions();
  const left = compileRedaction({ detectors: ["email"], patterns: ['"k"\\]'] })(slice, counts);
  expect(Buffer.from(left.bytes).toString()).toBe(
    Buffer.concat([
      frame('- [a@1 mail="<redacted:email>"] hi <redacted:email>'),
      frame("- - plain"),
      frame("ID1 - z"),
    ]).toString(),
  );
  expect(counts).toEqual({ ...noRedactions(), email: 2, pattern: 1 });
});

test("lines without a find are the same object", () => {
  const slice = { bytes: octetCounted(`${head}- nothing`), count: 1, form: "logplex" } as const;
  expect(compileRedaction({ detectors: [...detectorNames], patterns: ["x"] })(slice, noRedactions())).toBe(
    slice,
  );
});

test("no text makes a detector slow", () => {
  const redact = compileRedaction({ detectors: [...detectorNames] });
  const parts = ["a", "1", "4", ".", ":", "@", "-", " ", "eyJ", "bearer ", "::", "a@", "1.1.", "f"];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...parts), { minLength: 1, maxLength: 4 }), (unit) => {
      const text = unit.join("").repeat(Math.ceil(200_000 / unit.join("").length));
      const bytes = octetCounted(`${head}- ${text}`);
      const startedMs = performance.now();
      redact({ bytes, count: 1, form: "logplex" }, noRedactions());
      expect(performance.now() - startedMs).toBeLessThan(1_000);
    }),
    { numRuns: 60 },
  );
});

test("frames stay whole whatever is found", () => {
  const redact = compileRedaction({ detectors: [...detectorNames], patterns: ["[aeiou]+", "\\[.*?\\]"] });
  const message = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("a@b.example", "1.2.3.4", ""));
  const data = fc.constantFrom("-", '[x y="a@b.example"]', "[e]", '[q r="1.2.3.4"][s]');
  fc.assert(
    fc.property(fc.array(fc.tuple(data, message), { minLength: 1, maxLength: 6 }), (lines) => {
      const bytes = Buffer.concat(lines.map(([sd, text]) => octetCounted(`${head}- ${sd} ${text}`)));
      const left = redact({ bytes, count: lines.length, form: "rfc5424" }, noRedactions());
      const texts = textsOf(left);
      expect(texts).toHaveLength(lines.length);
      for (const text of texts) expect(text).not.toMatch(/[\w.]@[\w]+\.example|1\.2\.3\.4/);
    }),
  );
});
