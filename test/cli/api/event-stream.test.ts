import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EventStreamReader, eventBytesMax, type StreamEvent } from "../../../cli/api/event-stream.ts";

function read(wire: Uint8Array, sizes: readonly number[] = [wire.length]): StreamEvent[] {
  const reader = new EventStreamReader();
  const events: StreamEvent[] = [];
  for (let at = 0, turn = 0; at < wire.length; turn++) {
    const size = sizes[turn % sizes.length]!;
    events.push(...reader.push(wire.subarray(at, at + size)));
    at += size;
  }
  return events;
}
const readText = (text: string) => read(Buffer.from(text));

describe("the event stream", () => {
  test("hands out each event with its id", () => {
    expect(readText("id: 1.1\ndata: one\n\nid: 1.2\ndata:two\n\n")).toEqual([
      { id: "1.1", event: "message", data: "one" },
      { id: "1.2", event: "message", data: "two" },
    ]);
  });

  test("joins several data fields with a newline and drops one space only", () => {
    expect(readText("data: a\ndata:  b\ndata:\n\n").map((event) => event.data)).toEqual(["a\n b\n"]);
  });

  test("passes over comments, unknown fields and events without data", () => {
    expect(readText(": ping\n\nfoo: bar\n\nid: 7\n\ndata: x\n\n")).toEqual([
      { id: "7", event: "message", data: "x" },
    ]);
  });

  test("remembers the id of an event without data", () => {
    const reader = new EventStreamReader();
    reader.push(Buffer.from("id: 4.2\n\n"));
    expect(reader.lastEventId).toBe("4.2");
  });

  test("tells the wait before a reconnect that the server asks for", () => {
    const reader = new EventStreamReader();
    reader.push(Buffer.from("retry: 1500\n\nretry: soon\n\n"));
    expect(reader.retryMs).toBe(1500);
  });

  test("loses an event that was not closed", () => {
    expect(readText("data: whole\n\ndata: half\n")).toHaveLength(1);
  });

  test("eats a byte order mark at the very start", () => {
    expect(readText("\uFEFFdata: x\n\n")).toHaveLength(1);
  });

  test("refuses an event that never ends", () => {
    const reader = new EventStreamReader();
    const chunk = Buffer.alloc(eventBytesMax / 4, "x");
    expect(() => {
      for (let i = 0; i < 5; i++) reader.push(chunk);
    }).toThrow(RangeError);
  });

  test("means the same in any chunks and with any line ends", () => {
    const lineEnd = fc.constantFrom("\n", "\r\n", "\r");
    const text = fc.string({ unit: "grapheme", maxLength: 20 }).map((t) => t.replace(/[\r\n\0]/g, ""));
    const event = fc.record({ id: text, data: fc.array(text, { minLength: 1, maxLength: 3 }), end: lineEnd });
    const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 8 }), sizes, (events, chunkSizes) => {
        const wire = events.map(({ id, data, end }) =>
          [`id: ${id}`, ...data.map((line) => `data: ${line}`), "", ""].join(end),
        );
        const expected = events.map(({ id, data }) => ({ id, event: "message", data: data.join("\n") }));
        expect(read(Buffer.from(wire.join("")), chunkSizes)).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });
});
