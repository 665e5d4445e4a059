/** A follower of a replicated stream misses nothing, whatever replicas and new leaders do not have yet. */
import { expect, test } from "vitest";
import { markOf } from "../../../src/core/batch/batch.ts";
import { logOf, positionAt } from "../../../src/core/position.ts";
import { followFrom } from "../../../src/engines/nats/log/follow.ts";
import { LiveChannels } from "../../../src/engines/nats/log/live.ts";
import { Starts } from "../../../src/engines/nats/log/starts.ts";
import { encodeMessage, type Head } from "../../../src/engines/nats/log/stored.ts";
import { batchOf } from "../../support/batches.ts";
import { settled } from "../../support/fake-clock.ts";
import { channel, rig } from "./rig.ts";

/** A follower that has read message 1, and the lines that it gets from there on. */
async function follower(parts: ReturnType<typeof rig>) {
  const { wire, reader, failures, clock } = parts;
  await parts.write("a");
  const channels = new LiveChannels({ wire, reader, failures, clock, underWay: new Map() });
  const live = channels.join(channel);
  await live.start;
  const lines: number[] = [];
  const reading = (async () => {
    const { signal } = new AbortController();
    const follower = { live, waiter: { wake: () => {} }, signal, until: undefined };
    for await (const { line } of followFrom(parts, follower, { at: 1 })) lines.push(line);
  })();
  await settled();
  return {
    lines,
    end: async () => {
      channels.close();
      await reading;
    },
  };
}

/** Writes a line without notifying the follower. */
async function writeUnseen(parts: ReturnType<typeof rig>, text: string): Promise<void> {
  const { wire, server } = parts;
  const deliver = server.deliver;
  server.deliver = (to, delivery) =>
    to === parts.reader.place(channel).live || deliver.call(server, to, delivery);
  await parts.write(text);
  server.deliver = deliver;
  expect(wire.connected).toBe(true);
}

test("the last message of a channel that did not come live is found by the comparison of quiet channels", async () => {
  const parts = rig(3);
  const { lines, end } = await follower(parts);
  await writeUnseen(parts, "b");
  await parts.clock.advance(28_000);
  expect(lines).toEqual([]);
  await parts.clock.advance(4_000);
  expect(lines).toEqual([1]);
  await end();
});

test.each([
  ["a replica", 1],
  ["a replica, and a leader that was just elected,", 2],
  ["a leader that is elected meanwhile", 4],
])("the last message of a channel, which %s has not yet, is not taken for trimmed", async (_, times) => {
  const parts = rig(3);
  const { lines, end } = await follower(parts);
  await writeUnseen(parts, "b");
  parts.server.nextToMiss = times;
  parts.server.elected("tailrace-log-0");
  await parts.clock.advance(5_000);
  expect(lines).toEqual([1]);
  await end();
});

test("a message that was taken for trimmed is missed when the next one comes, and read", async () => {
  const parts = rig(3);
  const { lines, end } = await follower(parts);
  await writeUnseen(parts, "b");
  parts.server.nextToMiss = 5;
  parts.server.elected("tailrace-log-0");
  await parts.clock.advance(5_000);
  expect(lines).toEqual([]);
  await parts.write("c");
  await parts.clock.advance(1_000);
  expect(lines).toEqual([1, 2]);
  await end();
});

test("messages that retention took are passed over, and the leader is asked once", async () => {
  const parts = rig(3);
  const { lines, end } = await follower(parts);
  await writeUnseen(parts, "b");
  await writeUnseen(parts, "c");
  parts.stream.purge(parts.reader.place(channel).log, 3);
  await parts.write("d");
  await parts.clock.advance(1_000);
  expect(lines).toEqual([2, 3]);
  await end();
});

test("a void message stays void for who has read past the one that it did not know, though that is trimmed", async () => {
  const parts = rig(3);
  const { reader, wire, failures, clock, stream } = parts;
  const taken = await parts.write("a");
  const end = await parts.write("b");
  const { log } = reader.place(channel);
  const store = (head: Head, ...texts: string[]) =>
    stream.publish(log, Buffer.concat(encodeMessage(head, batchOf(texts))));
  store(taken, "void", "void");
  store({ ...end, sequence: 3 }, "c");
  stream.purge(log, 3);
  const channels = new LiveChannels({ wire, reader, failures, clock, underWay: new Map() });
  const live = channels.join(channel);
  const named = logOf(reader.incarnation(channel), markOf(batchOf(["b"])), 1);
  const from = { kind: "after", position: positionAt(2, 1, named) } as const;
  const start = await new Starts(reader, {} as never).of(live, from, undefined, false);
  expect(start.foreign).toBeUndefined();
  const { signal } = new AbortController();
  const follower = { live, waiter: { wake: () => {} }, signal, until: "present" } as const;
  const lines: number[] = [];
  for await (const { line } of followFrom(parts, follower, start)) lines.push(line);
  expect(lines).toEqual([2]);
  channels.close();
});

test("a consumer on a replica that lags begins too early: nothing is read twice", async () => {
  const parts = rig(3);
  await parts.write(..."abcdefghijklmno");
  parts.server.consumersLag = 8;
  const read: number[] = [];
  for await (const { sequence } of parts.reader.stretch(channel, 0, 15)) read.push(sequence);
  expect(read).toEqual(Array.from({ length: 15 }, (_, i) => i + 1));
});
