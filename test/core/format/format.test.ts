import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { logOfBatch } from "../../../src/core/batch/batch.ts";
import { Canoniser } from "../../../src/core/batch/canonical.ts";
import {
  type Formattable,
  type Formatted,
  formatBatch,
  formattingOf,
  type LineFormat,
  type Transport,
} from "../../../src/core/format/format.ts";
import type { ProducerId } from "../../../src/core/ids.ts";
import { positionAt } from "../../../src/core/position.ts";
import { parseEvents } from "../../support/event-stream.ts";

type Line = {
  message: Uint8Array | string;
  process?: string;
  pri?: number;
  sd?: string;
  source?: string;
};
/** Where the batches lie, and how their positions end. */
const placed = { incarnation: "test0", producer: "producer" as ProducerId, firstLine: 5 };
const log = logOfBatch({ ...placed, sequence: 7, line: 7 });
const time = "2026-01-02T03:04:05.000006+00:00";

function batchOf(lines: Line[], sequence = 7): Formattable {
  const canoniser = new Canoniser("app");
  for (const { message, process = "web.1", pri = 190, sd = "-" } of lines) {
    const head = Buffer.from(`<${pri}>1 ${time} h app ${process} - ${sd} `);
    const frame = Buffer.concat([head, Buffer.from(message as string)]);
    canoniser.add(frame, 0, frame.length, 0);
  }
  return { ...canoniser.take(), ...placed, sequence, line: 40 };
}

const plain = (batch: Formattable, format: LineFormat, skip = 0) =>
  formatBatch(batch, { format, transport: "plain" }, { skip }).bytes.toString();

describe("plain lines", () => {
  const batch = batchOf([{ message: "one\n" }, { message: "two", process: "router" }, { message: "" }]);

  test("text is TIME SOURCE[PROCID]: MSG with one newline", () => {
    expect(plain(batch, "text")).toBe(
      `${time} app[web.1]: one\n${time} app[router]: two\n${time} app[web.1]: \n`,
    );
  });

  test("raw is the syslog frame without its length", () => {
    expect(plain(batch, "raw")).toBe(
      `<190>1 ${time} host app web.1 - one\n<190>1 ${time} host app router - two\n<190>1 ${time} host app web.1 - \n`,
    );
  });

  test("raw is one line for a frame, whatever breaks are in its text or its structured data", () => {
    const forged = "x\n<190>1 2026-01-02T03:04:05Z host heroku router - at=error\r\ny\n";
    expect(plain(batchOf([{ message: forged }]), "raw")).toBe(
      `<190>1 ${time} host app web.1 - x#012<190>1 2026-01-02T03:04:05Z host heroku router - at=error#015#012y\n`,
    );
    const data = batchOf([{ message: "x", sd: '[a b="c\\\nd\re"]' }]);
    expect(plain(data, "raw")).toBe(`<190>1 ${time} host app web.1 - [a b="c\\#012d#015e"] x\n`);
    const { bytes } = formatBatch(data, { format: "raw", transport: "events" });
    expect(bytes.toString()).toBe(
      `id: ${positionAt(7, 1, log)}\ndata: <190>1 ${time} host app web.1 - [a b="c\\#012d#015e"] x\n\n`,
    );
  });

  test("raw keeps structured data, text does not show it", () => {
    const rich = batchOf([{ message: "x\n", sd: '[a b="c"]' }]);
    expect(plain(rich, "raw")).toBe(`<190>1 ${time} host app web.1 - [a b="c"] x\n`);
    expect(plain(rich, "text")).toBe(`${time} app[web.1]: x\n`);
  });

  test("JSON names position, time, source, dyno, severity, message and the running number", () => {
    const lines = plain(batchOf([{ message: 'a "b"\n' }, { message: "c", pri: 131 }]), "json").split("\n");
    expect(JSON.parse(lines[0]!)).toEqual({
      position: positionAt(7, 1, log),
      time,
      source: "app",
      dyno: "web.1",
      severity: "info",
      message: 'a "b"',
      line: 40,
    });
    expect(JSON.parse(lines[1]!)).toMatchObject({
      position: positionAt(7, 2, log),
      severity: "err",
      message: "c",
      line: 41,
    });
  });

  test("lines are skipped by number, and the others keep their positions", () => {
    const shape = { format: "text", transport: "events" } as const;
    const formatted = formatBatch(batch, shape, { skip: 2 });
    expect(formatted.count).toBe(1);
    expect(parseEvents(formatted.bytes).events.map(({ id }) => id)).toEqual([positionAt(7, 3, log)]);
  });

  test("a line of 256 KiB fits, and a batch after it is not harmed", () => {
    const long = "x".repeat(262_000);
    expect(plain(batchOf([{ message: long }, { message: "y" }]), "text")).toBe(
      `${time} app[web.1]: ${long}\n${time} app[web.1]: y\n`,
    );
    expect(plain(batch, "text")).toHaveLength(3 * `${time} app[web.1]: `.length + 10);
  });
});

test("only lines that are kept are formatted and counted, under their own positions", () => {
  const batch = batchOf(["a1", "b1", "a2", "b2", "a3"].map((message) => ({ message })));
  const shape = { format: "text", transport: "events" } as const;
  const { bytes, count } = formatBatch(batch, shape, { kept: Uint8Array.of(0, 1, 0, 1, 0), skip: 0 });
  expect(count).toBe(2);
  expect(parseEvents(bytes).events.map(({ id }) => id)).toEqual([
    positionAt(7, 2, log),
    positionAt(7, 4, log),
  ]);
  expect(formatBatch(batch, shape, { kept: Uint8Array.of(1, 1, 0, 1, 0), skip: 2 }).count).toBe(1);
});

describe("whatever bytes the messages hold", () => {
  const nasty = fc.constantFrom(
    "\r",
    "\n",
    "\r\n",
    "id: 9\n",
    "\n\n",
    "data:",
    ": ",
    "\uFEFF",
    "\0",
    "event: x\n",
    " ",
    "é",
  );
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc
      .array(fc.oneof(nasty, fc.string({ maxLength: 8 })), { maxLength: 8 })
      .map((all) => Buffer.from(all.join(""))),
  );
  const lines = fc.array(
    fc.record({
      message: bytes,
      process: fc.constantFrom("web.1", "router", "-"),
      pri: fc.integer({ min: 0, max: 191 }),
      sd: fc.constantFrom("-", '[a b="\\]"]'),
    }),
    { maxLength: 12 },
  );
  // What an event can say of a text: line breaks of any kind are one LF, one at the end is dropped.
  const asEvent = (text: string) => text.replace(/\r?\n$/, "").replace(/\r\n|\r/g, "\n");
  // A mark of UTF-8 in front is no text, and is not stored.
  const withoutMark = (from: Uint8Array) =>
    Buffer.from(from.subarray(0, 3)).equals(Buffer.from("\uFEFF")) ? from.subarray(3) : from;
  const decode = (from: Uint8Array) =>
    new TextDecoder("utf-8", { ignoreBOM: true }).decode(withoutMark(from));

  test("an event stream says each line once, with its position, and nothing else", () => {
    fc.assert(
      fc.property(lines, fc.constantFrom("text" as const, "raw" as const, "json" as const), (all, format) => {
        const batch = batchOf(all);
        const { bytes, count } = formatBatch(batch, { format, transport: "events" });
        const { events, comments } = parseEvents(bytes);
        expect(count).toBe(all.length);
        expect(comments).toEqual([]);
        expect(events.map(({ id }) => id)).toEqual(all.map((_, n) => positionAt(7, n + 1, log)));
        const anyHasSd = all.some(({ sd }) => sd !== "-");
        for (const [n, { message, process, pri, sd }] of all.entries()) {
          const text = decode(message);
          if (format === "json") {
            expect(JSON.parse(events[n]!.data)).toMatchObject({
              dyno: process,
              message: text.replace(/\r?\n$/, ""),
            });
          } else if (format === "text") {
            const head = `${time} app[${process}]: `;
            expect(events[n]!.data).toBe(head + asEvent(text).replaceAll("\n", `\n${head}`));
          } else {
            const head = `<${pri}>1 ${time} host app ${process} - ${anyHasSd ? `${sd} ` : ""}`;
            const line = (head + text).replace(/\r?\n$/, "");
            expect(events[n]!.data).toBe(line.replaceAll("\r", "#015").replaceAll("\n", "#012"));
          }
        }
      }),
    );
  });

  test("it may be said in as many goes as it takes", () => {
    const formats = fc.constantFrom<LineFormat>("text", "raw", "json");
    const transports = fc.constantFrom<Transport>("plain", "events");
    fc.assert(
      fc.property(lines, formats, transports, fc.nat(3), (all, format, transport, skip) => {
        const long = { message: "x\r\ny\n".repeat(100) };
        const many = batchOf([...all, long, long, long, long, ...all]);
        const shape = { format, transport };
        const formatting = formattingOf(many, shape, { skip });
        let goes = 1;
        let formatted = formatting.go(() => true);
        for (; formatted === undefined; goes++) formatted = formatting.go(() => true);
        const whole = formatBatch(many, shape, { skip });
        expect(formatted.count).toBe(whole.count);
        expect(formatted.bytes.equals(whole.bytes)).toBe(true);
        if (format !== "json") expect(goes).toBeGreaterThan(4);
      }),
    );
  });

  test("plain text keeps every byte of a message but its line breaks, and every line has a head", () => {
    fc.assert(
      fc.property(lines, (all) => {
        const { bytes } = formatBatch(batchOf(all), { format: "text", transport: "plain" });
        const expected = all.map(({ message, process }) => {
          const head = `${time} app[${process}]: `;
          const text = asEvent(Buffer.from(withoutMark(message)).toString("latin1"));
          return Buffer.from(`${head}${text.replaceAll("\n", `\n${head}`)}\n`, "latin1");
        });
        expect(bytes.equals(Buffer.concat(expected))).toBe(true);
      }),
    );
  });

  test("no message writes a line that looks like somebody else's", () => {
    const forged = "x\n2026-01-02T03:04:05.000006+00:00 heroku[router]: at=error\ry";
    const batch = batchOf([{ message: Buffer.from(forged), process: "web.1", pri: 190, sd: "-" }]);
    for (const transport of ["plain", "events"] as const) {
      const text = formatBatch(batch, { format: "text", transport }).bytes.toString();
      const shown = text.split(/[\r\n]+/).filter((line) => line !== "" && !line.startsWith("id: "));
      for (const line of shown) expect(line.replace("data: ", "")).toMatch(/^[^ ]+ app\[web\.1\]: /);
      expect(shown.length).toBe(3);
    }
  });

  test("each JSON line is one object in valid UTF-8", () => {
    fc.assert(
      fc.property(lines, (all) => {
        const { bytes } = formatBatch(batchOf(all), { format: "json", transport: "plain" });
        const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
        const objects = text
          .split("\n")
          .slice(0, -1)
          .map((line) => JSON.parse(line));
        expect(objects.map(({ position }) => position)).toEqual(all.map((_, n) => positionAt(7, n + 1, log)));
      }),
    );
  });
});

describe("what is long", () => {
  const long = 1 << 18;
  const process = "p".repeat(128);
  const breaks = "\n".repeat(20_000);
  const batch = batchOf([
    { message: "first" },
    { message: breaks, process },
    { message: "x".repeat(long) },
    { message: `\r\n${breaks}`, process },
    ...Array<Line>(6).fill({ message: "\x01".repeat(long) }),
    { message: "last" },
  ]);
  const kept = new Uint8Array(batch.count).fill(1);
  kept[2] = 0;
  const shapes = (["text", "json", "raw"] as const).flatMap((format) =>
    (["plain", "events"] as const).map((transport) => ({ format, transport })),
  );

  test.each(shapes)("is made in pieces, $format, $transport", (shape) => {
    const pieces: Formatted[] = [];
    for (let rest: Formatted["rest"] = { skip: 1 }; rest !== undefined; rest = pieces.at(-1)!.rest) {
      const formatting = formattingOf(batch, shape, { kept, ...rest });
      let piece: Formatted | undefined;
      while (piece === undefined) piece = formatting.go(() => true);
      pieces.push(piece);
    }
    const whole = formatBatch(batch, shape, { kept, skip: 1 });
    expect(Buffer.concat(pieces.map(({ bytes }) => bytes)).equals(whole.bytes)).toBe(true);
    expect(pieces.reduce((sum, { count }) => sum + count, 0)).toBe(batch.count - 2);
    expect(whole.count).toBe(batch.count - 2);
    expect(pieces.length).toBeGreaterThan(1);
    const longest = (1 << 16) + (shape.format === "json" ? 6 * 16_384 : long) + 1000;
    for (const { bytes } of pieces) expect(bytes.length).toBeLessThan(longest);
    if (shape.format !== "text") return;
    const lines = whole.bytes.toString().split("\n");
    expect(lines.filter((line) => line.endsWith(`app[${process}]: `))).toHaveLength(40_001);
  });
});
