/** Places in a channel's history are found by few questions, whatever lies between its messages. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { firstWhere } from "../../../src/engines/nats/log/history.ts";
import type { StoredMessage } from "../../../src/engines/nats/log/stored.ts";
import { channel } from "./rig.ts";

/** A reader of a channel whose messages are at these sequences. */
function readerOf(sequences: readonly number[]) {
  const asked = { times: 0 };
  const next = async (_: unknown, after: number) => {
    asked.times++;
    const sequence = sequences.find((other) => other > after);
    return sequence === undefined ? undefined : ({ sequence } as StoredMessage);
  };
  return { reader: { next } as never, asked };
}

test("finds the first message for which it holds", async () => {
  const property = fc.asyncProperty(
    fc.uniqueArray(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 60 }),
    fc.nat(),
    async (unsorted, pick) => {
      const sequences = unsorted.sort((a, b) => a - b);
      const wanted = sequences[pick % sequences.length]!;
      const { reader } = readerOf(sequences);
      const last = { sequence: sequences.at(-1)! } as StoredMessage;
      const found = await firstWhere(reader, channel, last, ({ sequence }) => sequence >= wanted);
      expect(found.sequence).toBe(wanted);
    },
  );
  await fc.assert(property);
});

test("asks about 20 times in a million messages", async () => {
  const asked: number[] = [];
  for (const wanted of [1, 2, 77_777, 500_000, 999_999, 1_000_000]) {
    let times = 0;
    const next = async (_: unknown, after: number) => {
      times++;
      return after >= 1_000_000 ? undefined : ({ sequence: after + 1 } as StoredMessage);
    };
    const last = { sequence: 1_000_000 } as StoredMessage;
    await firstWhere({ next } as never, channel, last, ({ sequence }) => sequence >= wanted);
    asked.push(times);
  }
  expect(Math.max(...asked)).toBeLessThanOrEqual(30);
});
