import fc from "fast-check";
import { expect, test } from "vitest";
import {
  isTokenAt,
  isTokenText,
  maskTokens,
  shortTokenOf,
  tokenOfSpelling,
} from "../../../src/core/secrets/token-mask.ts";

const token = "t.0a1b2c3d-4e5f-4678-9abc-def012345678";
const masked = "t.********-****-****-****-************";

function mask(text: string, own?: string): string {
  const bytes = Buffer.from(text);
  maskTokens(bytes, 0, bytes.length, own);
  return bytes.toString();
}

test.each([
  [token, masked],
  [`http://token:${token}@host/logs`, `http://token:${masked}@host/logs`],
  [`${token} ${token}`, `${masked} ${masked}`],
  [`T=${token.toUpperCase().replace("T", "t")}`, `T=${masked}`],
  [`T=${token.toUpperCase()}`, `T=T${masked.slice(1)}`],
  [`é${token}é`, `é${masked}é`],
])("hides %s", (text, expected) => expect(mask(text)).toBe(expected));

test.each([
  "client.0a1b2c3d-4e5f-4678-9abc-def012345678",
  "0a1b2c3d-4e5f-4678-9abc-def012345678",
  "t.0a1b2c3d-4e5f-4678-9abc-de x",
  "t.0a1b2c3d_4e5f-4678-9abc-def012345678",
  "d.0a1b2c3d-4e5f-4678-9abc-def012345678",
])("leaves %s, which is none", (text) => expect(mask(text)).toBe(text));

test("its own token is hidden even where it ends another word", () => {
  expect(mask(`client${token.slice(1)} box${token}`, token)).toBe(`client${masked.slice(1)} box${masked}`);
  expect(mask(`BOX${token.toUpperCase()}`, token)).toBe(`BOXT${masked.slice(1)}`);
});

test.each([
  "t.0a1b2c3d-4e5f-4678-9abc-def01234567",
  "t.0a1b2c3d-4e5f-4678-abc-def012345678",
  "t.0a1b2c3d4e5f46789abcdef012345678",
  "t.0a1b2c3d-4e5f-4678-9abc-def0123456789a",
])("hides %s too: the rest could be guessed", (part) => {
  expect(mask(`x ${part} y`)).toBe(`x t.${part.slice(2).replaceAll(/[^-]/g, "*")} y`);
});

test("the beginning of a token that the end has cut is hidden, a word that ends like one is not", () => {
  for (let length = 6; length <= token.length; length++)
    expect(mask(`x ${token.slice(0, length)}`)).toBe(`x ${masked.slice(0, length)}`);
  for (const text of ["x t.0a", "client.0a1b2c3d", "0a1b2c3d-4e5f", "t.", "a", ""])
    expect(mask(text)).toBe(text);
  expect(mask("client.0a1b2c3d-4e", token)).toBe("client.********-**");
});

test("only the range that is given is written to", () => {
  const bytes = Buffer.from(`${token} ${token}00`);
  maskTokens(bytes, 39, bytes.length - 2);
  expect(bytes.toString()).toBe(`${token} ${masked}00`);
});

test("is found wherever it stands, and nothing else changes", () => {
  const filler = fc.string({ maxLength: 80 }).map((text) => `${text.replaceAll(/[\w.-]$/g, " ")}`);
  const hex = fc.stringMatching(/^[0-9a-f-]{0,80}$/);
  const uuid = fc.uuid();
  fc.assert(
    fc.property(
      fc.oneof(
        filler,
        hex.map((text) => `${text} `),
      ),
      uuid,
      fc.oneof(filler, hex),
      (before, id, rest) => {
        const after = rest.replace(/^[0-9a-fA-F-]+/, "");
        const found = mask(`${before}t.${id}${after}`);
        expect(found).toBe(`${before}${masked}${after}`);
      },
    ),
    { numRuns: 1_000 },
  );
});

test("the form of a token is `t.` and a UUID", () => {
  const isToken = (text: string) => isTokenAt(Buffer.from(text), 0, text.length);
  expect(isToken(token)).toBe(true);
  for (const none of [`${token}0`, token.slice(1), token.replace("t", "d"), token.replace("a", "g"), "t.x"])
    expect(isToken(none)).toBe(false);
});

test("the second spelling is hidden where it is a word, where it is the line's own, and where the end has cut it", () => {
  const short = "t0a1b2c3d4e5f6789abcdef012345678";
  const hidden = `t${"*".repeat(31)}`;
  expect(shortTokenOf(token)).toBe(short);
  expect(tokenOfSpelling(short)).toBe(token);
  expect(isTokenText(short) && isTokenText(token)).toBe(true);
  for (const [before, after] of [
    ["", ""],
    ["tag=", " x"],
    ["x ", ": y"],
  ])
    expect(mask(`${before}${short}${after}`)).toBe(`${before}${hidden}${after}`);
  expect(mask(short.toUpperCase())).toBe(`T${hidden.slice(1)}`);
  expect(mask(`x ${short.slice(0, 20)}`)).toBe(`x ${hidden.slice(0, 20)}`);
  expect(mask(`box${short} y`, token)).toBe(`box${hidden} y`);
  expect(mask(`${short}0 x`)).toBe(`${hidden}* x`);
  expect(mask(`x ${short.slice(0, 30)} y`)).toBe(`x ${hidden.slice(0, 30)} y`);
  for (const text of ["t0a1b2c3d", `box${short} y`, short.slice(1), `x ${short.slice(0, 27)} y`])
    expect(mask(text)).toBe(text);
  expect(shortTokenOf("t.0a1b2c3d-4e5f-1678-9abc-def012345678")).toBeUndefined();
});
