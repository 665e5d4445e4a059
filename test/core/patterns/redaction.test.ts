import fc from "fast-check";
import { RE2JS } from "re2js";
import { describe, expect, test } from "vitest";
import { LineCursor } from "../../../src/core/batch/line-cursor.ts";
import { detectorNames } from "../../../src/core/patterns/detectors.ts";
import { lineWorkMax } from "../../../src/core/patterns/pattern.ts";
import { noRedactions, patternsFlaw, type RedactionSpec } from "../../../src/core/patterns/redaction.ts";
import { octetCounted } from "../../support/frames.ts";
import { redaction } from "../../support/redaction.ts";

const head = "<190>1 2026-01-02T03:04:05.000006+00:00 host app web.1 ";

/** What is left of one message. */
function redacted(spec: RedactionSpec, message: string | Buffer): string {
  const bytes = octetCounted(Buffer.concat([Buffer.from(`${head}- `), Buffer.from(message as string)]));
  const slice = { bytes, count: 1, form: "logplex" } as const;
  return textsOf(redaction(spec)(slice, noRedactions()))[0]!;
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
    ["user@m\u00fcnchen.de, \u00fc\u00fc@b.xn--p1ai", "<redacted:email>, <redacted:email>"],
    ["/u?m=user%40example.com&n=1", "/u?m=<redacted:email>&n=1"],
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
    ["2024-05-01 4111111111111111 charged", "2024-05-01 <redacted:card> charged"],
    ["qty 3 4111 1111 1111 1111", "qty 3 <redacted:card>"],
    ["order 25 4111111111111111", "order 25 <redacted:card>"],
    ["card-4111111111111111 card_4111111111111111", "card-<redacted:card> card_<redacted:card>"],
    ["cc4111111111111111EUR", "cc<redacted:card>EUR"],
    ["4111.1111.1111.1111", "<redacted:card>"],
    ["4111111111111111 5500000000000004", "<redacted:card> <redacted:card>"],
    ["pan%3D%223782%20822463+10005%22", "pan%3D%22<redacted:card>%22"],
    ["4111111111111111222222222", "4111111111111111222222222"],
    ["a1b2c3d4-4111-1111-1111-111111111111", "a1b2c3d4-4111-1111-1111-111111111111"],
    ["a1b2c3d4-4111-4111-8111-11111111111e", "a1b2c3d4-4111-4111-8111-11111111111e"],
    ["12345678-4111-4111-8111-111111111111", "12345678-4111-4111-8111-111111111111"],
  ])("%j", (message, left) => expect(redacted(spec, message)).toBe(left));
});

describe("bearer", () => {
  const spec: RedactionSpec = { detectors: ["bearer"] };
  test.each([
    ["Authorization: Bearer abcDEF123456~+/==", "Authorization: Bearer <redacted:bearer>"],
    ["authorization=bearer  abcdefgh, next", "authorization=bearer  <redacted:bearer>, next"],
    ["token eyJhbGciOiJIUzI1.eyJzdWIi.c2ln end", "token <redacted:bearer> end"],
    ["Bearer eyJhbGciOiJIUzI1.eyJzdWIi.c2ln", "Bearer <redacted:bearer>"],
    ["Bearer+abcdefgh1 bearer%20abcdefgh1", "Bearer+<redacted:bearer> bearer%20<redacted:bearer>"],
    ["bearer:abcdefgh1", "bearer:<redacted:bearer>"],
    ["Authorization=Bearer abcdefgh1&x", "Authorization=Bearer <redacted:bearer>&x"],
    ['{"authorization":"Bearer abcdefgh1"}', '{"authorization":"Bearer <redacted:bearer>"}'],
    ['{\\"bearer_token\\":\\"abcdefgh1\\"}', '{\\"bearer_token\\":\\"<redacted:bearer>\\"}'],
    ["bearer abcdefghBearer abcdefgh1", "bearer <redacted:bearer> <redacted:bearer>"],
    ["id_eyJhbGciOiJIUzI1.eyJzdWIi.c2ln%3DeyJhbGciOiJIUzI1.e0.", "id_<redacted:bearer>%3D<redacted:bearer>"],
    ["the bearer of this", "the bearer of this"],
  ])("%j", (message, left) => expect(redacted(spec, message)).toBe(left));
});

describe("ip", () => {
  const spec: RedactionSpec = { detectors: ["ip"] };
  test.each([
    ["from 203.0.113.7:443, 10.0.0.1.", "from <redacted:ip>:443, <redacted:ip>."],
    ["fwd=2001:db8::1 ok", "fwd=<redacted:ip> ok"],
    ["from 2001:db8::1: hi", "from <redacted:ip>: hi"],
    ["client:2001:db8::1 x.2001:db8::2.", "client:<redacted:ip> x.<redacted:ip>."],
    ["2001:db8::1:http 2001:db8:0:0:0:0:0:1:443", "<redacted:ip>:http <redacted:ip>:443"],
    ["10.1.2.3,2001:db8::1 10.1.2.3:2001:db8::1", "<redacted:ip>,<redacted:ip> <redacted:ip>"],
    ["ip_10.1.2.3 v10.1.2.3s a%3D10.1.2.3", "ip_<redacted:ip> v<redacted:ip>s a%3D<redacted:ip>"],
    ["fe80::1%eth0 ip=%222001:db8::%22 ::: hi", "<redacted:ip>%eth0 ip=%22<redacted:ip>%22 ::: hi"],
    [`16:27:ac:a5:76:28:2d:36:63:1b:56:4d:eb:df:a6:48`, `16:27:ac:a5:76:28:2d:36:63:1b:56:4d:eb:df:a6:48`],
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
    expect(patternsFlaw([pattern])).toEqual(expect.any(String));
  });
  test("what would cost too much is redacted from the find on at which it does", () => {
    const left = redacted({ patterns: ["a.*z|a"] }, `${"ab ".repeat(60_000)}end`);
    expect(left).toMatch(/^(<redacted>b ){2,200}<redacted>$/);
  });
  test("an empty find counts as one", () => {
    const left = redacted({ patterns: ["a.*z|\\b"] }, `${"ab ".repeat(60_000)}end`);
    expect(left).toMatch(/^(ab ){1,200}(ab)?<redacted>$/);
  });
  test("what is behind as much of a line as they may be run over is redacted", () => {
    const pattern = "(?:[a-z]?){200}[0-9]";
    const chars = Math.floor(lineWorkMax / RE2JS.compile(pattern).programSize());
    const whole = "é".repeat(chars);
    expect(redacted({ patterns: [pattern] }, whole)).toBe(Buffer.from(whole).toString("latin1"));
    const left = redacted({ patterns: [pattern] }, `${whole}secret\n`);
    expect(left).toBe(`${Buffer.from("é".repeat(chars - 1_024)).toString("latin1")}<redacted>\n`);
    const wide = Buffer.from(redacted({ patterns: [pattern] }, "😀".repeat(chars)), "latin1").toString();
    expect(wide).toMatch(/^(😀)+<redacted>$/u);
  });
  test("a find that may go on behind the bound takes the rest", () => {
    const pattern = "key-[a-z]+-end";
    const chars = Math.floor(lineWorkMax / RE2JS.compile(pattern).programSize());
    const message = `${".".repeat(chars - 500)}key-${"s".repeat(2_000)}-end`;
    expect(redacted({ patterns: [pattern] }, message)).toBe(`${".".repeat(chars - 1_024)}<redacted>`);
  });
  test("several share what a line may cost", () => {
    const patterns = Array.from({ length: 10 }, (_, i) => `[a-z]{30}${i}`);
    const message = " ".repeat(lineWorkMax / 100);
    expect(redacted({ patterns: patterns.slice(0, 1) }, message)).toBe(message);
    expect(redacted({ patterns }, message)).toContain("<redacted>");
  });
  test("too many instructions are refused, of one or of all", () => {
    expect(patternsFlaw(["([a-z]?){900}[0-9]"])).toMatch(/^pattern 1 cannot be used: .* 500 are the most/);
    expect(patternsFlaw(["a", "b{600}"])).toMatch(/^pattern 2 cannot be used: it compiles to 602/);
    expect(patternsFlaw(["a{400}"])).toBeUndefined();
    expect(patternsFlaw(["a{400}", "b{400}"])).toMatch(/^its patterns together compile to 804/);
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
  const left = redaction({ detectors: ["email"], patterns: ['"k"\\]'] })(slice, counts);
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
  expect(redaction({ detectors: [...detectorNames], patterns: ["x"] })(slice, noRedactions())).toBe(slice);
});

test("no text makes a detector slow", () => {
  const redact = redaction({ detectors: [...detectorNames] });
  const parts = [
    "a",
    "1",
    "4",
    ".",
    ":",
    "@",
    "-",
    " ",
    "eyJ",
    "bearer ",
    "bearer=",
    "::",
    "a@",
    "%40",
    "%20",
    "1.1.",
    "f",
  ];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...parts), { minLength: 1, maxLength: 4 }), (unit) => {
      const text = unit.join("").repeat(Math.ceil(200_000 / unit.join("").length));
      const bytes = octetCounted(`${head}- ${text}`);
      const before = process.cpuUsage(); // of this process alone, however busy the machine is
      redact({ bytes, count: 1, form: "logplex" }, noRedactions());
      expect(process.cpuUsage(before).user).toBeLessThan(1_000_000);
    }),
    { numRuns: 60 },
  );
});

test("frames stay whole whatever is found", () => {
  const redact = redaction({ detectors: [...detectorNames], patterns: ["[aeiou]+", "\\[.*?\\]"] });
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

describe("several finders", () => {
  test.each<[RedactionSpec, string, string]>([
    [{ patterns: ["ab", "bc"] }, "xabcx", "x<redacted>x"],
    [{ patterns: ["secret", "top secret \\w+"] }, "a top secret plan", "a <redacted>"],
    [{ patterns: ["a", "e", "r"] }, "a-e-r", "<redacted>-<redacted>-<redacted>"],
    [{ detectors: ["email"], patterns: ["redacted", "b"] }, "a@b.co b", "<redacted:email> <redacted>"],
    [{ detectors: ["email"], patterns: ["to: \\S+"] }, "to: a@b.co.", "<redacted:email>"],
  ])("search what was written, and what they share has one mark: %j", (spec, message, left) =>
    expect(redacted(spec, message)).toBe(left),
  );

  test("do not find anything in each other's marks, so that ten make a line no longer than one", () => {
    const message = "e".repeat(2_000);
    const once = redacted({ patterns: ["e"] }, message);
    expect(redacted({ patterns: Array(10).fill("e") }, message)).toBe(once);
    expect(redacted({ patterns: [..."edactr<>"] }, message)).toBe(once);
    expect(once.length).toBe(message.length * "<redacted>".length);
  });

  test("count what they take that others left", () => {
    const frame = octetCounted(`${head}- a@b.co b ab`);
    const counts = noRedactions();
    redaction({ detectors: ["email"], patterns: ["b", "ab"] })(
      { bytes: frame, count: 1, form: "logplex" },
      counts,
    );
    expect(counts).toMatchObject({ email: 1, pattern: 4 }); // in `web.1` too
  });

  test("take every part that one of them finds, whatever the others do", () => {
    const pattern = fc.constantFrom("ab", "b+", "a[bc]", "ba", "c", "abc?");
    fc.assert(
      fc.property(
        fc.array(pattern, { minLength: 1, maxLength: 4 }),
        fc.stringMatching(/^[abc]{0,12}$/),
        (patterns, text) => {
          const left = redacted({ patterns }, `#${text}#`);
          const isTaken = new Array<boolean>(text.length).fill(false);
          for (const one of patterns)
            for (const match of text.matchAll(new RegExp(one, "g")))
              isTaken.fill(true, match.index, match.index + match[0].length);
          const kept = [...text].filter((_, at) => !isTaken[at]).join("");
          expect(left.replaceAll("<redacted>", "")).toBe(`#${kept}#`);
        },
      ),
    );
  });
});
