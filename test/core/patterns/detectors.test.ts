import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Detector, detectorNames, detectors } from "../../../src/core/patterns/detectors.ts";
import { noRedactions } from "../../../src/core/patterns/redaction.ts";
import { octetCounted } from "../../support/frames.ts";
import { redaction } from "../../support/redaction.ts";

/** Any bytes, one character each, and much of what detectors look at. */
const anyText = fc
  .array(
    fc.oneof(
      {
        weight: 3,
        arbitrary: fc.string({
          unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
        }),
      },
      {
        weight: 1,
        arbitrary: fc.constantFrom(
          "4",
          "12",
          " ",
          "-",
          ".",
          ":",
          "::",
          "@",
          "%40",
          "%20",
          "a.b",
          "bearer ",
          "eyJ",
          "1.2.3",
          "fe80",
        ),
      },
      {
        weight: 1,
        arbitrary: fc.constantFrom(
          "4111 1111",
          "10.0.0.1",
          "2001:db8::1",
          "a@b.example",
          "bearer abcdefgh",
          "abcdefghBearer",
        ),
      },
    ),
    { maxLength: 6 },
  )
  .map((parts) => parts.join(""));

const chars = (of: string, min: number, max: number) =>
  fc.string({ unit: fc.constantFrom(...of), minLength: min, maxLength: max });
const letters = "abcdefghijklmnopqrstuvwxyz";
const word = chars(letters, 1, 8);
const hexes = chars("0123456789abcdefABCDEF", 1, 4);

const card = fc
  .tuple(
    fc.constantFrom("2", "3", "4", "5", "6"),
    chars("0123456789", 11, 17),
    fc.array(fc.constantFrom("", "", "", " ", "-", ".", "+", "%20"), { minLength: 18, maxLength: 18 }),
  )
  .map(([first, rest, separators]) => {
    const digits = `${first}${rest}${checkDigit(first + rest)}`;
    return Array.from(digits, (digit, i) => digit + (i < digits.length - 1 ? separators[i] : "")).join("");
  });

function checkDigit(digits: string): number {
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = Number(digits[digits.length - 1 - i]);
    sum += i % 2 === 1 ? digit : digit > 4 ? digit * 2 - 9 : digit * 2;
  }
  return (10 - (sum % 10)) % 10;
}

const utf8 = (text: string) => Buffer.from(text).toString("latin1");
const email = fc
  .tuple(
    fc.oneof(chars(`${letters}09._+-`, 1, 64), fc.constantFrom(utf8("jürgen"), utf8("メール"))),
    fc.constantFrom("@", "%40"),
    fc.array(fc.oneof(word, fc.constantFrom(utf8("münchen"), "a-1")), { minLength: 1, maxLength: 3 }),
    fc.constantFrom("de", "example", "xn--p1ai", utf8("рф")),
  )
  .map(([local, at, labels, top]) => `${local}${at}${labels.join(".")}.${top}`);

const bearer = fc.oneof(
  fc
    .tuple(
      fc.constantFrom("Bearer", "bearer", "BEARER", "bearer_token", "bearerToken"),
      fc.constantFrom(" ", "+", "%20", ":", ": ", "=", '":"', '\\":\\"', "\t"),
      chars(`${letters}ABC012`, 1, 1),
      chars(`${letters}ABC012._~+/=-`, 7, 40),
    )
    .map(([name, separator, first, rest]) => ({ name: name + separator, token: first + rest })),
  fc
    .tuple(fc.constantFrom("eyJ"), chars(`${letters}ABC012_-`, 8, 40), chars(`${letters}ABC012_-`, 2, 40))
    .map(([head, header, body]) => ({ name: "", token: `${head}${header}.${body}.${body}` })),
);

const octet = fc.integer({ min: 0, max: 255 }).map(String);
const ipv4 = fc.tuple(octet, octet, octet, octet).map((octets) => octets.join("."));
const ipv6 = fc.oneof(
  fc.array(hexes, { minLength: 8, maxLength: 8 }).map((groups) => groups.join(":")),
  fc
    .tuple(fc.array(hexes, { minLength: 1, maxLength: 4 }), fc.array(hexes, { maxLength: 3 }))
    .map(([left, right]) => `${left.join(":")}::${right.join(":")}`),
  fc.array(hexes, { minLength: 1, maxLength: 3 }).map((right) => `::${right.join(":")}`),
  ipv4.map((tail) => `::ffff:${tail}`),
);

/** What may stand beside a thing in any text: `before` behind anything, `after` in front of anything. */
const separators = fc.constantFrom(
  " ",
  "\t",
  ",",
  ";",
  "(",
  "[",
  "<",
  "{",
  '"',
  "'",
  "/",
  "|",
  "=",
  "&",
  "?",
  "\n",
  "\\",
);
type Planted = {
  readonly thing: fc.Arbitrary<string>;
  readonly before: fc.Arbitrary<string>;
  readonly after: fc.Arbitrary<string>;
};
const planted: Readonly<Record<string, Planted & { readonly detector: Detector }>> = {
  "an email address": { detector: "email", thing: email, before: separators, after: separators },
  "a card number": {
    detector: "card",
    thing: card,
    before: fc.oneof(separators, word, fc.constantFrom("_", "-", ".", ":", "#", "%20", "%3D", "%22")),
    after: fc.oneof(separators, word, fc.constantFrom("_", "-", ".", ":", "#", "%20")),
  },
  "an IPv4 address": {
    detector: "ip",
    thing: ipv4,
    before: fc.oneof(separators, word, fc.constantFrom("_", "-", ":", "@", "%3D")),
    after: fc.oneof(separators, word, fc.constantFrom("_", "-", ":", ". ", "%3A")),
  },
  "an IPv6 address": {
    detector: "ip",
    thing: ipv6,
    before: fc.oneof(separators, fc.constantFrom("_", "-", "@")),
    after: fc.oneof(separators, fc.constantFrom("_", "-", ": ", ". ", "%eth0")),
  },
  "an IPv6 address behind a word and a colon": {
    detector: "ip",
    thing: ipv6.filter((address) => !address.startsWith(":")),
    before: chars("ghijklmnopqrstuvwxyz", 1, 8).map((name) => `${name}:`),
    after: separators,
  },
};

describe("a detector finds in any text", () => {
  test.each(Object.entries(planted))("%s", (_, { detector, thing, before, after }) => {
    fc.assert(
      fc.property(anyText, before, thing, after, anyText, (left, edge, what, end, right) => {
        const start = left.length + edge.length;
        const spans = detectors[detector](left + edge + what + end + right);
        expect(spans.some((span) => span.start <= start && span.end >= start + what.length)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
  test("a token", () => {
    fc.assert(
      fc.property(
        anyText,
        separators,
        bearer,
        separators,
        anyText,
        (left, edge, { name, token }, end, right) => {
          const start = left.length + edge.length + name.length;
          const spans = detectors.bearer(left + edge + name + token + end + right);
          expect(spans.some((span) => span.start <= start && span.end >= start + token.length)).toBe(true);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

test("finds are in order and apart", () => {
  fc.assert(
    fc.property(fc.constantFrom(...detectorNames), fc.array(anyText, { maxLength: 4 }), (name, parts) => {
      const text = parts.join("");
      let end = 0;
      for (const span of detectors[name](text)) {
        expect(span.start).toBeGreaterThanOrEqual(end);
        expect(span.end).toBeGreaterThan(span.start);
        end = span.end;
      }
      expect(end).toBeLessThanOrEqual(text.length);
    }),
  );
});

/** Bytes of which nothing can be found: no digit but 1, no `@`, `:`, `%`, and no `e`. */
const plainBytes = fc
  .array(
    fc
      .integer({ min: 0, max: 255 })
      .map((byte) => ("@:%023456789eE".includes(String.fromCharCode(byte)) ? 0x2e : byte)),
    { maxLength: 60 },
  )
  .map((bytes) => Buffer.from(bytes));

describe("every byte that is not found stays", () => {
  const head = "<190>1 2026-01-02T03:04:05.000006+00:00 host app web.1 - ";
  const slice = (...parts: (Buffer | string)[]) => {
    const bytes = parts.map((part) => (typeof part === "string" ? Buffer.from(part, "latin1") : part));
    return {
      bytes: octetCounted(Buffer.concat([Buffer.from(head), ...bytes])),
      count: 1,
      form: "logplex",
    } as const;
  };
  test("in text without a find", () => {
    const redact = redaction({ detectors: [...detectorNames] });
    fc.assert(
      fc.property(plainBytes, (bytes) => {
        const lines = slice(bytes);
        expect(redact(lines, noRedactions())).toBe(lines);
      }),
      { numRuns: 1_000 },
    );
  });
  test.each([
    ["email", email],
    ["card", card],
    ["ip", ipv4],
    ["ip", ipv6],
  ] as const)("around an %s", (name, thing) => {
    const redact = redaction({ detectors: [name] });
    fc.assert(
      fc.property(plainBytes, thing, plainBytes, (left, what, right) => {
        const found = redact(slice(left, " <", what, "> ", right), noRedactions());
        const due = slice(left, " <", `<redacted:${name}>`, "> ", right);
        expect(Buffer.from(found.bytes).equals(due.bytes)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
