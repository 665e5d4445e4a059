import fc from "fast-check";
import { expect, test } from "vitest";
import { Canoniser, type Origin, originOf } from "../../../src/core/batch/canonical.ts";
import { lineCode, type StagedLines } from "../../../src/core/batch/line-code.ts";
import { PlainLines } from "../../../src/core/batch/plain-lines.ts";
import type { ChannelId } from "../../../src/core/ids.ts";
import { SyslogHeader, scanHeader } from "../../../src/core/wire/syslog.ts";
import { octetCounted } from "../../support/frames.ts";

const time = "2026-01-02T03:04:05.000006+00:00";
const token = "t.01234567-89ab-4cde-8f01-23456789abcd";
const origin = originOf("heroku", token);
const nowMs = Date.UTC(2026, 0, 2);
const channel = "an-app" as ChannelId;
const registry = {};

/** Lines that frames with `token` become; every test asks for them anew. */
function known(
  tokens: readonly (readonly [string, ChannelId, Origin])[] = [[token, channel, origin]],
): PlainLines {
  const lines = new PlainLines();
  lines.begin(registry, Math.random());
  for (const [name, to, from] of tokens) lines.know(registry, Buffer.from(name), to, from);
  return lines;
}

/** The lines and numbers that a canoniser has. */
function taken(canoniser: Canoniser) {
  const { bytes, count, form, index } = canoniser.copyOut();
  return { bytes: Buffer.from(bytes).toString("latin1"), count, form, places: [...index!.places] };
}

/** What becomes of the frames by the general path. */
function generally(frames: readonly Buffer[], from = origin) {
  const canoniser = new Canoniser("");
  const header = new SyslogHeader();
  for (const frame of frames) {
    scanHeader(frame, 0, frame.length, header, nowMs);
    canoniser.addScanned(frame, header, nowMs, from);
  }
  return taken(canoniser);
}

/** Calls with the lines of several channels are in order. */
function collected(): {
  place: (channel: ChannelId, lines: StagedLines) => void;
  of: Map<ChannelId, Canoniser>;
} {
  const of = new Map<ChannelId, Canoniser>();
  const place = (to: ChannelId, lines: StagedLines) => {
    if (!of.has(to)) of.set(to, new Canoniser(""));
    of.get(to)!.addLines(lines);
  };
  return { place, of };
}

/** What becomes of a frame amid other bytes: by the general path, and where it is plain as a plain one. */
function ways(payload: Buffer) {
  const bytes = Buffer.concat([Buffer.from("t.0 - "), payload, Buffer.from("- 9 <190>1 t.0")]);
  const { place, of } = collected();
  const isPlain = known().takeOne(bytes, 6, 6 + payload.length, place);
  return { isPlain, general: generally([payload]), plain: isPlain ? taken(of.get(channel)!) : undefined };
}

test.each([
  `<190>1 ${time} host ${token} web.1 - - at=info method=GET path=/ status=200 bytes=1234\n`,
  `<0>1 2026-01-02T03:04:05Z h ${token} router - a message without structured data`,
  `<13>1 ${time} - ${token} - - -`,
  `<13>1 ${time} h ${token} web.1 - `,
  `<13>1 ${time} h ${token} web.1 - -x`,
  `<13>1 ${time} h ${token} web.1 - - request_id=01234567-89ab-4cde-8f01-23456789abcd`,
  `<13>1 ${time} h ${token} web.1 - - @T0000000000000000042S0000000001A00001@`,
  `<13>1 ${time} h ${token} web.1 - - ${"long ".repeat(1000)}`,
])("plain is %s", (payload) => {
  const { isPlain, general, plain } = ways(Buffer.from(payload));
  expect(isPlain).toBe(true);
  expect(plain).toEqual(general);
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
  ["a token to hide", `<13>1 ${time} h ${token} web.1 - - ${token}`],
  ["a token that the end cuts", `<13>1 ${time} h ${token} web.1 - - ${token.slice(0, 12)}`],
  ["a token in its second spelling", `<13>1 ${time} h ${token} web.1 - - t0123456789abcde8f0123456789abcd`],
  ["a token as PROCID", `<13>1 ${time} h ${token} ${token} - - x`],
  ["another token", `<13>1 ${time} h ${token.slice(0, -1)}e web.1 - - x`],
  ["no MSGID", `<13>1 ${time} h ${token} web.1`],
])("not plain is a frame with %s", (_, payload) => {
  expect(ways(Buffer.from(payload)).isPlain).toBe(false);
});

test("whatever a frame is: where it is plain, its line is that of the general path", () => {
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
  let plainFrames = 0;
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
        const { isPlain, general, plain } = ways(Buffer.from(line));
        if (!isPlain) return;
        plainFrames++;
        expect(plain).toEqual(general);
      },
    ),
    { numRuns: 1000 },
  );
  expect(plainFrames).toBeGreaterThan(100);
});

const tokenNo = (n: number) => `t.${n.toString(16).padStart(8, "0")}-89ab-4cde-8f01-23456789abcd`;
const frameOf = (name: string, text: string) => Buffer.from(`<190>1 ${time} host ${name} web.1 - - ${text}`);
const counted = (frames: readonly Buffer[]) => Buffer.concat(frames.map((frame) => octetCounted(frame)));

test.each([
  ["of its own", (bytes: Buffer) => bytes],
  ["that sockets are read into", (bytes: Buffer) => lineCode!.input.subarray(0, bytes.copy(lineCode!.input))],
])("frames in memory %s become the lines of their channels, in order, also of several tokens", (_, put) => {
  const channels = Array.from({ length: 40 }, (_, n) => `app-${n}` as ChannelId); // more than there are stages
  const tokens = Array.from(
    { length: 60 },
    (_, n) => [tokenNo(n), channels[n % 40]!, originOf(n < 40 ? "app" : "router", tokenNo(n))] as const,
  );
  const lines = known(tokens);
  const numbers = Array.from({ length: 300 }, (_, n) => (n * 7) % 60);
  const frames = numbers.map((n, at) => frameOf(tokenNo(n), `line ${at}`));
  const bytes = put(counted(frames));
  const { place, of } = collected();
  expect(lines.take(bytes, 0, 65_536, place)).toBe(bytes.length);
  expect(lines.framesTaken).toBe(300);
  for (const [c, to] of channels.entries()) {
    const own = numbers.flatMap((n, at) =>
      n % 40 === c ? [{ frame: frames[at]!, from: tokens[n]![2] }] : [],
    );
    const canoniser = new Canoniser("");
    const header = new SyslogHeader();
    for (const { frame, from } of own) {
      scanHeader(frame, 0, frame.length, header, nowMs);
      canoniser.addScanned(frame, header, nowMs, from);
    }
    expect(taken(of.get(to)!)).toEqual(taken(canoniser));
  }
});

test.each([
  ["a frame that is not plain", frameOf(token, `${token} is hidden`)],
  ["a frame of an unknown token", frameOf(tokenNo(7), "x")],
  ["a frame that is too long", frameOf(token, "x".repeat(2_000))],
])("taking ends at %s, and goes on after it", (_, odd) => {
  const frames = [frameOf(token, "one"), frameOf(token, "two")];
  const after = [frameOf(token, "three")];
  const [before, between] = [counted(frames), counted([odd])];
  const bytes = Buffer.concat([before, between, counted(after), counted(after).subarray(0, -1)]);
  const lines = known();
  const { place, of } = collected();
  expect(lines.take(bytes, 0, 1_000, place)).toBe(before.length);
  expect(lines.framesTaken).toBe(2);
  expect(lines.take(bytes, before.length, 1_000, place)).toBe(before.length);
  expect(lines.framesTaken).toBe(0);
  // The last frame is cut.
  const next = before.length + between.length;
  expect(lines.take(bytes, next, 1_000, place)).toBe(next + counted(after).length);
  expect(taken(of.get(channel)!)).toEqual(generally([...frames, ...after]));
});

test("more bytes than are taken at a time, and lines that fill a stage, are taken whole", () => {
  const frames = Array.from({ length: 400 }, (_, n) => frameOf(token, `${n} ${"long ".repeat(n % 150)}`));
  const bytes = counted(frames);
  expect(bytes.length).toBeGreaterThan(2 * 65_536);
  const lines = known();
  const { place, of } = collected();
  let at = 0;
  for (
    let next = lines.take(bytes, at, 65_536, place);
    next > at;
    next = lines.take(bytes, at, 65_536, place)
  )
    at = next;
  expect(at).toBe(bytes.length);
  expect(taken(of.get(channel)!)).toEqual(generally(frames));
  const short = Array.from({ length: 800 }, (_, n) => Buffer.from(`<1>1 ${time} h ${token} w - ${n}`));
  const wide = originOf("s".repeat(70), token);
  const few = known([[token, channel, wide]]);
  const grown = collected();
  const input = counted(short);
  expect(few.take(input, 0, 65_536, grown.place)).toBe(input.length);
  expect(taken(grown.of.get(channel)!)).toEqual(generally(short, wide));
});

test("lines with structured data may follow and come before", () => {
  const wide = Buffer.from(`<190>1 ${time} host ${token} web.1 ID7 [a b="c"] wide`);
  const frames = [frameOf(token, "[one"), wide, frameOf(token, "[two"), frameOf(token, "three"), wide];
  const canoniser = new Canoniser("");
  const header = new SyslogHeader();
  const lines = known();
  for (const frame of frames) {
    if (lines.takeOne(frame, 0, frame.length, (_, staged) => canoniser.addLines(staged))) continue;
    scanHeader(frame, 0, frame.length, header, nowMs);
    canoniser.addScanned(frame, header, nowMs, origin);
  }
  expect(taken(canoniser)).toEqual(generally(frames));
});

test("tokens are known until another version, or another registry", () => {
  const frame = frameOf(token, "x");
  const lines = new PlainLines();
  const isTaken = () => lines.takeOne(frame, 0, frame.length, () => {});
  lines.begin(registry, 1);
  expect(isTaken()).toBe(false);
  lines.know(registry, Buffer.from(token), channel, origin);
  lines.begin(registry, 1);
  expect(isTaken()).toBe(true);
  lines.begin({}, 1);
  expect(isTaken()).toBe(false);
  lines.know(registry, Buffer.from(token), channel, origin);
  expect(isTaken()).toBe(false); // it belongs to the registry before
  lines.begin(registry, 1);
  lines.know(registry, Buffer.from(token), channel, origin);
  lines.begin(registry, 2);
  expect(isTaken()).toBe(false);
  lines.begin(registry, Number.NaN);
  lines.know(registry, Buffer.from(token), channel, origin);
  expect(isTaken()).toBe(true);
  lines.begin(registry, Number.NaN);
  expect(isTaken()).toBe(false);
});

test("of too many tokens the newest are known", () => {
  const lines = known([]);
  for (let n = 0; n < 10_000; n++) {
    const name = Buffer.from(tokenNo(n));
    lines.know(registry, name, `app-${n}` as ChannelId, originOf(`s${n}`));
    lines.know(registry, name, `app-${n}` as ChannelId, originOf(`s${n}`)); // known already
    const frame = frameOf(tokenNo(n), "x");
    const { place, of } = collected();
    expect(lines.takeOne(frame, 0, frame.length, place)).toBe(true);
    if (n % 500 > 0) continue;
    expect([...of.keys()]).toEqual([`app-${n}`]);
    expect(taken(of.get(`app-${n}` as ChannelId)!)).toEqual(generally([frame], originOf(`s${n}`)));
  }
});

test("names that are too long, and no WebAssembly, leave all to the general path", () => {
  const frame = frameOf(token, "x");
  const long = known([[token, channel, originOf("s".repeat(100), token)]]);
  expect(long.takeOne(frame, 0, frame.length, () => {})).toBe(false);
  const without = new PlainLines(null);
  without.begin(registry, 1);
  without.know(registry, Buffer.from(token), channel, origin);
  expect(without.takeOne(frame, 0, frame.length, () => {})).toBe(false);
  expect(without.take(counted([frame]), 0, 65_536, () => {})).toBe(0);
  expect(without.framesTaken).toBe(0);
});
