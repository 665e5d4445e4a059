/** A frame ends where it ends, whatever the memory has behind it: the bytes of another sender's read, say. */
import { expect, test } from "vitest";
import { Canoniser, originOf } from "../../../src/core/batch/canonical.ts";
import { lineCode, type StagedLines } from "../../../src/core/batch/line-code.ts";
import { PlainLines } from "../../../src/core/batch/plain-lines.ts";
import type { ChannelId } from "../../../src/core/ids.ts";
import { SyslogHeader, scanHeader } from "../../../src/core/wire/syslog.ts";
import { octetCounted } from "../../support/frames.ts";

const token = "t.01234567-89ab-4cde-8f01-23456789abcd";
const origin = originOf("s".repeat(20), token);
const registry = {};
const frameBytesMax = 262_144;
const memory = lineCode!.input;

function known(): PlainLines {
  const lines = new PlainLines();
  lines.begin(registry, Math.random());
  lines.know(registry, Buffer.from(token), "an-app" as ChannelId, origin);
  return lines;
}

/** The line that `take` makes of something, if it does. */
function lineOf(take: (place: (channel: ChannelId, lines: StagedLines) => void) => void) {
  const canoniser = new Canoniser("");
  take((_, lines) => canoniser.addLines(lines));
  return canoniser.count === 0 ? undefined : taken(canoniser);
}

function taken(canoniser: Canoniser) {
  const { bytes, count, index } = canoniser.copyOut();
  return { text: Buffer.from(bytes).toString("latin1"), count, places: index!.places.join() };
}

/** The line by the general path; undefined if the frame names another token, or none. */
function generally(frame: Buffer) {
  const header = new SyslogHeader();
  scanHeader(frame, 0, frame.length, header, 0);
  if (header.kind !== "rfc5424" || frame.toString("latin1", header.appStart, header.appEnd) !== token)
    return undefined;
  const canoniser = new Canoniser("");
  canoniser.addScanned(frame, header, 0, origin);
  return taken(canoniser);
}

const heads = [
  "<190>1 2026-01-02T03:04:05.000006+00:00 host",
  "<0>1 2026-01-02T03:04:05Z h",
  `<19>1 2026-01-02T03:04:05.1-01:00 ${"h".repeat(31)}`,
];
const processes = ["w", "p".repeat(16), "p".repeat(128), "p".repeat(129), "t", "t.0123"];
const ends = [
  "- - text",
  "- - - ",
  "- [a b",
  "- \u00ef\u00bb\u00bfx",
  `- - a ${token}`,
  "- - t0123456789abcdef0123456789abcde",
  `- ${"y".repeat(21)} t${"a".repeat(27)} z`,
  `- ${"y".repeat(20)}T.${"a".repeat(32)} z`,
  `- ${token.slice(0, 9)}`,
];

test.each([
  ["what would go on with it", (frame: Buffer) => frame],
  ["digits", () => Buffer.alloc(300, "0")],
  ["spaces", () => Buffer.alloc(300, " ")],
  ["tokens", () => Buffer.from(` ${token} - - ${token} `.repeat(3))],
])("each beginning of a frame before %s, amid and at the end of the memory", (_, behind) => {
  const lines = known();
  let made = 0;
  for (const head of heads)
    for (const process of processes)
      for (const end of ends) {
        const whole = Buffer.from(`${head} ${token} ${process} ${end}`, "latin1");
        for (let length = 0; length <= whole.length; length++) {
          const expected = generally(whole.subarray(0, length));
          const frame = octetCounted(whole.subarray(0, length));
          const start = frame.length - length;
          for (const at of [length % 40, memory.length - frame.length]) {
            behind(whole.subarray(length)).copy(memory, at + frame.length);
            frame.copy(memory, at);
            const read = memory.subarray(0, at + frame.length);
            const one = lineOf((place) => lines.takeOne(memory, at + start, read.length, place));
            const asRead = lineOf((place) => lines.take(read, at, frameBytesMax, place));
            const asCopy = lineOf((place) => lines.take(Buffer.from(frame), 0, frameBytesMax, place));
            if (one !== undefined) made++;
            if (one !== undefined && !isSame(one, expected)) expect(one).toEqual(expected);
            if (!isSame(asRead, one) || !isSame(asCopy, one)) expect([asRead, asCopy]).toEqual([one, one]);
          }
        }
      }
  expect(made).toBeGreaterThan(1_000);
});

type Line = ReturnType<typeof taken> | undefined;

const isSame = (one: Line, other: Line): boolean =>
  one?.text === other?.text && one?.count === other?.count && one?.places === other?.places;

test("a frame is not taken before its last byte has come, whatever was read before", () => {
  const lines = known();
  const frame = octetCounted(`<190>1 2026-01-02T03:04:05Z host ${token} web.1 - - text`);
  frame.copy(memory);
  for (let length = 0; length < frame.length; length++) {
    expect(lines.take(memory.subarray(0, length), 0, frameBytesMax, () => {})).toBe(0);
    expect(lines.framesTaken).toBe(0);
  }
  expect(lines.take(memory.subarray(0, frame.length), 0, frameBytesMax, () => {})).toBe(frame.length);
});

test.each([
  ["decimals", Array.from({ length: 1_100 }, (_, n) => n)],
  ["the decimals of ten thousand", Array.from({ length: 130 }, (_, n) => 9_880 + n)],
  ["half a call", Array.from({ length: 140 }, (_, n) => 32_650 + n)],
  ["a call", Array.from({ length: 140 }, (_, n) => 65_420 + n)],
])("lines whose lengths are around those of %s", (_, lengths) => {
  const lines = known();
  for (const length of lengths) {
    const frame = Buffer.from(`<13>1 2026-01-02T03:04:05Z h ${token} w - ${"y".repeat(length)}`);
    const own = Buffer.concat([octetCounted(frame), Buffer.from("9")]);
    const expected = own.length - 1 <= lineCode!.code.inputBytes.value ? generally(frame) : undefined;
    expect(lineOf((place) => lines.take(own, 0, frame.length, place))).toEqual(expected);
    expect(lineOf((place) => lines.take(own, 0, frame.length - 1, place))).toBeUndefined();
  }
});

test("each of as many tokens as are known has its channel, and none that is nearly the same", () => {
  const lines = new PlainLines();
  lines.begin(registry, Math.random());
  const tokenNo = (n: number) =>
    `${token.slice(0, 4)}${(n >> 8).toString(16).padStart(2, "0")}${token.slice(6, -2)}${(n & 255).toString(16).padStart(2, "0")}`;
  const known = Array.from({ length: 3_072 }, (_, n) => tokenNo(2 * n));
  for (const [n, name] of known.entries())
    lines.know(registry, Buffer.from(name), `app-${n}` as ChannelId, origin);
  const channelOf = (name: string) => {
    const frame = Buffer.from(`<13>1 2026-01-02T03:04:05Z h ${name} w - text`);
    let found: string | undefined;
    lines.takeOne(frame, 0, frame.length, (channel) => (found = channel));
    return found;
  };
  expect(known.map(channelOf)).toEqual(known.map((_, n) => `app-${n}`));
  expect(known.map((_, n) => channelOf(tokenNo(2 * n + 1))).filter((found) => found !== undefined)).toEqual(
    [],
  );
});

test("no token is taken for another that differs in one character", () => {
  const lines = known();
  for (let at = 0; at < token.length; at++)
    for (const byte of ["0", "f", "-", " ", "\0"]) {
      const other = token.slice(0, at) + byte + token.slice(at + 1);
      const frame = Buffer.from(`<13>1 2026-01-02T03:04:05Z h ${other} w - text`);
      expect(lines.takeOne(frame, 0, frame.length, () => {})).toBe(other === token);
    }
});

test("every byte of a frame may be any other: what is taken is as by the general path", () => {
  const lines = known();
  let made = 0;
  for (const time of ["2026-01-02T03:04:05.000006+00:00", "2024-02-29T23:59:59Z"]) {
    const frame = Buffer.from(`<190>1 ${time} host ${token} web.1 - - text of a line`);
    for (let at = 0; at < frame.length; at++)
      for (let byte = 0; byte < 256; byte++) {
        const changed = Buffer.from(frame);
        changed[at] = byte;
        const line = lineOf((place) => lines.takeOne(changed, 0, changed.length, place));
        if (line === undefined) continue;
        made++;
        if (!isSame(line, generally(changed))) expect(line).toEqual(generally(changed));
      }
  }
  expect(made).toBeGreaterThan(5_000);
});

test.each([
  ["2024-02-29T00:00:00Z", true],
  ["2023-02-29T00:00:00Z", false],
  ["2000-02-29T00:00:00Z", true],
  ["1900-02-29T00:00:00Z", false],
  ["2026-02-30T00:00:00Z", false],
  ["2026-04-31T00:00:00Z", false],
  ["2026-12-31T00:00:00Z", true],
  ["2026-13-01T00:00:00Z", false],
  ["2026-00-01T00:00:00Z", false],
  ["2026-01-00T00:00:00Z", false],
  ["2026-01-32T00:00:00Z", false],
  ["2026-01-01T23:59:59.123456+23:59", true],
  ["2026-01-01T23:59:59.1234567+00:00", false],
  ["2026-01-01T23:59:59.Z", false],
  ["2026-01-01T24:00:00Z", false],
  ["2026-01-01T00:60:00Z", false],
  ["2026-01-01T00:00:60Z", false],
  ["2026-01-01T00:00:00+24:00", false],
  ["2026-01-01T00:00:00-00:60", false],
])("a frame of %s is taken: %s", (time, isTaken) => {
  const frame = Buffer.from(`<13>1 ${time} h ${token} w - text`);
  const line = lineOf((place) => known().takeOne(frame, 0, frame.length, place));
  expect(line).toEqual(isTaken ? generally(frame) : undefined);
});

test.each([
  ["tokens", token],
  ["shortest parts", `T.${"a".repeat(32)}`],
  ["shortest parts of the second spelling", `t${"a".repeat(27)}`],
])("%s are hidden wherever they are in a line", (_, part) => {
  for (let before = 0; before < 60; before++)
    for (const process of ["w", "web.12"]) {
      const frame = Buffer.from(
        `<13>1 2026-01-02T03:04:05Z h ${token} ${process} - - ${"y".repeat(before)} ${part} z`,
      );
      const taken = lineOf((place) => known().takeOne(frame, 0, frame.length, place));
      expect(taken ?? generally(frame)).toEqual(generally(frame));
      expect(generally(frame)!.text).not.toContain(part);
    }
});
