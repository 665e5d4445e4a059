/** What a drain was given stays hidden, in whatever form its receiver repeats it. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Secrets, secretsOf } from "../../../src/core/secrets/repeated-secrets.ts";
import { parseDestination } from "../../../src/drains/destination.ts";
import { openPeer } from "../../support/peer.ts";
import { never, parcelOf, sinkOf, sinkOptions } from "./parts.ts";

const secretsOfUrl = (url: string, headers?: Record<string, string>): Secrets => {
  const destination = parseDestination(url, { allow: sinkOptions.policy });
  if (destination.kind !== "https") throw new Error("no https");
  return secretsOf(destination, headers);
};
const shown = (text: string, secrets: Secrets, isCut = false): string => secrets.excerpt(text, 200, isCut);

const percent = (text: string): string => text.replace(/./gsu, (char) => percentOf(char));
const percentOf = (char: string): string =>
  [...Buffer.from(char)].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
const jsonUnicode = (text: string): string =>
  text.replace(/[\s\S]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
const html = (text: string): string => text.replace(/[^a-z0-9]/giu, (char) => `&#${char.codePointAt(0)};`);
const htmlHex = (text: string): string =>
  text.replace(/./gsu, (char) => `&#x${char.codePointAt(0)!.toString(16)};`);
const htmlNamed = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
const json = (text: string): string => JSON.stringify(text).slice(1, -1);
/** Ways in which receivers repeat things. */
const forms: Readonly<Record<string, (text: string) => string>> = {
  plain: (text) => text,
  encoded: encodeURIComponent,
  "encoded, lower case": (text) => encodeURIComponent(text).replace(/%../g, (hex) => hex.toLowerCase()),
  "as a form": (text) => new URLSearchParams({ a: text }).toString().slice(2),
  percent,
  json,
  "json in json": (text) => json(json(text)),
  "json, escaped slashes": (text) => json(text).replaceAll("/", "\\/"),
  jsonUnicode,
  html,
  htmlHex,
  htmlNamed,
};

test("an answer that repeats the whole URL gives none of it away", async () => {
  const echo = "http://uSerName:pa%40ssw%23rd@host/PATHSECRET/in?key=q%2Fsecret";
  const peer = await openPeer(() => ({ status: 401, body: `${echo} uSerName pa@ssw#rd q/secret no` }));
  const url = peer.url.replace("//", "//uSerName:pa%40ssw%23rd@").concat("PATHSECRET/in?key=q%2Fsecret");
  const sink = sinkOf(url);
  const verdict = await sink.deliver(parcelOf("x"), never);
  await sink.close();
  await peer.close();
  expect("reason" in verdict && verdict.reason).toContain('"http://…@host/…/in?key=… … … … no"');
});

test("words of a path stay, long parts of it go", () => {
  const secrets = secretsOfUrl(
    "http://127.0.0.1/api/v1/logs/abcdefg/abcdefgh?v=1&a=b&flag&longflag&deepkey=",
  );
  expect(shown("/api/v1/logs/abcdefg/abcdefgh?v=1&a=b longflag deepkey", secrets)).toBe(
    "/api/v1/logs/abcdefg/…?v=1&a=b … …",
  );
});

test("a header's value goes with its scheme and without, and what is inside of Basic", () => {
  const secrets = secretsOfUrl("http://127.0.0.1/", {
    "X-Key": ' a\\b"c ',
    Authorization: `Basic ${Buffer.from("anna:pa:ss").toString("base64")}`,
    "X-Other": "Splunk 12345-67890",
  });
  const text = `a\\b"c a\\\\b\\"c ${Buffer.from("anna:pa:ss").toString("base64")} pa:ss anna:pa:ss 12345-67890`;
  expect(shown(text, secrets)).toBe("… … … … … …");
});

test.each(Object.entries(forms))("whatever the secrets are: %s", (_name, form) => {
  const word = fc.string({ unit: "grapheme", minLength: 8, maxLength: 60 });
  const printable = fc.string({ unit: "grapheme-ascii", minLength: 8, maxLength: 60 });
  const hasWord = (text: string) => text.trim() === text && !/^\.+$/.test(text);
  fc.assert(
    fc.property(
      word,
      word,
      word,
      word,
      printable,
      fc.nat(3),
      (user, pass, segment, value, header, layers) => {
        fc.pre([user, pass, segment, value, header].every(hasWord) && !user.includes(":"));
        const [u, p, s, v] = [user, pass, segment, value].map(layers === 0 ? percent : encodeURIComponent);
        const secrets = secretsOfUrl(`http://${u}:${p}@127.0.0.1/in/${s}?key=${v}`, { "X-Key": header });
        for (const secret of [user, pass, segment, value, header])
          expect(shown(`\n${form(secret)}\n`, secrets)).toBe("…"); // no secret has a line break
      },
    ),
    { numRuns: 40 },
  );
});

describe("an answer that was cut", () => {
  const secrets = new Secrets(["correct-horse", "battery"]);
  test("shows no beginning of a secret at its end", () => {
    expect(shown("key correct-ho", secrets, true)).toBe("key …");
    expect(shown("key correct%2Dho", secrets, true)).toBe("key …");
    expect(shown("key b", secrets, true)).toBe("key …");
  });
  test("that is whole keeps its last letters", () => expect(shown("is bad: b", secrets)).toBe("is bad: b"));
});

test("a secret that is repeated in part is taken out as far as it goes", () => {
  const secret = "k".repeat(3) + "abcdefgh".repeat(20);
  expect(shown(`key ${secret.slice(0, 100)}, no more`, new Secrets([secret]))).toBe("key …, no more");
});

test("the longest of several secrets goes", () => {
  expect(shown("abcd abcdef abc", new Secrets(["abcd", "abcdef"]))).toBe("… … abc");
});

test("secrets that overlap go as one, whichever begins first", () => {
  expect(shown("<abcd!>", new Secrets(["<abc", "abcd!"]))).toBe("…>");
  expect(shown("key ababab, no", new Secrets(["abab"]))).toBe("key …, no");
  const parts = fc.array(fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength: 9 }), { minLength: 2 });
  fc.assert(
    fc.property(parts, ([first = "", ...rest]) => {
      fc.pre([first, ...rest].every((part) => !/[\s\\]/.test(part)));
      // Each secret is a part and the next one: they overlap in a part.
      const secrets = rest.map((part, n) => ([first, ...rest][n] ?? "") + part);
      expect(shown(first + rest.join(""), new Secrets(secrets))).toBe("…");
    }),
  );
});

test("an excerpt is one printable line of its length", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (text, secret) => {
      const line = new Secrets([secret]).excerpt(text, 20);
      expect(line.length).toBeLessThanOrEqual(20);
      expect(line).not.toMatch(/\p{Cc}/u);
    }),
  );
});
