/** Live lines: what the core subscription loses is found in the stream. */
import { expect, test } from "vitest";
import { LiveChannels } from "../../../src/engines/nats/log/live.ts";
import { batchOf } from "../../support/batches.ts";
import { settled } from "../../support/fake-clock.ts";
import { channel, rig } from "./rig.ts";

/** A follower's side of the channel, once it knows where it starts. */
async function joined(parts: ReturnType<typeof rig>) {
  const { wire, reader, failures, clock } = parts;
  const channels = new LiveChannels({ wire, reader, failures, clock, underWay: new Map() });
  const live = channels.join(channel);
  await live.start;
  await settled();
  return { channels, live };
}

test("what comes is handed on; what a broken connection missed lies in the stream", async () => {
  const parts = rig();
  const { live } = await joined(parts);
  await parts.write("a");
  await settled();
  expect(live.next(0)).toMatchObject({ sequence: 1 });
  parts.wire.break();
  const missed = parts.server.streams.get("tailrace-log-0")!;
  const { payload } = missed.at(1)!;
  missed.publish(parts.reader.place(channel).log, payload);
  expect(live.next(1)).toBeUndefined();
  parts.wire.restore();
  await settled();
  expect(live.next(1)).toBe("unread");
});

test("a quiet channel is compared with its stream every 30 seconds", async () => {
  const parts = rig();
  const { live } = await joined(parts);
  await parts.write("a");
  await settled();
  parts.stream.publish(parts.reader.place(channel).log, parts.stream.at(1)!.payload);
  await parts.clock.advance(28_000);
  expect(live.newest).toBe(1);
  await parts.clock.advance(4000);
  expect(live.newest).toBe(2);
});

test("an election is followed by a comparison, and by a second one 3 seconds later", async () => {
  const parts = rig();
  const { live } = await joined(parts);
  await parts.write("a");
  await settled();
  const { payload } = parts.stream.at(1)!;
  const { log } = parts.reader.place(channel);
  parts.server.elected("tailrace-log-0");
  await settled();
  expect(live.newest).toBe(1);
  parts.stream.publish(log, payload);
  await parts.clock.advance(2900);
  expect(live.newest).toBe(1);
  await parts.clock.advance(200);
  expect(live.newest).toBe(2);
});

test("an election of another stream is none of its business", async () => {
  const parts = rig();
  const { live } = await joined(parts);
  await parts.write("a");
  await settled();
  parts.stream.publish(parts.reader.place(channel).log, parts.stream.at(1)!.payload);
  parts.server.elected("tailrace-log-1");
  await parts.clock.advance(4000);
  expect(live.newest).toBe(1);
});

test("a comparison that fails is told, and made again", async () => {
  const parts = rig();
  const { live } = await joined(parts);
  await parts.write("a");
  await settled();
  parts.stream.publish(parts.reader.place(channel).log, parts.stream.at(1)!.payload);
  parts.server.isSilent = true;
  await parts.clock.advance(45_000);
  expect(parts.logged).toHaveLength(1);
  expect(live.newest).toBe(1);
  parts.server.isSilent = false;
  await parts.clock.advance(10_000);
  expect(live.newest).toBe(2);
});

test("what this process stored is handed on once, and is behind what is not known here", async () => {
  const parts = rig();
  const { channels, live } = await joined(parts);
  const batch = batchOf(["own"]);
  channels.stored(channel, { sequence: 0, line: 0, bytes: 0 }, batch, 1);
  expect(live.next(0)).toMatchObject({ sequence: 1, previous: 0, batch: { line: 0, bytes: batch.bytes } });
  channels.stored(channel, { sequence: 0, line: 0, bytes: 0 }, batch, 1);
  expect(live.next(1)).toBeUndefined();
  // Somebody else wrote the message at 4.
  channels.stored(channel, { sequence: 4, line: 9, bytes: 90 }, batch, 6);
  expect(live.next(1)).toBe("unread");
  expect(live.next(4)).toMatchObject({ sequence: 6, bytes: 90, batch: { line: 9 } });
});

test("closing ends followers, and leaves nobody asleep", async () => {
  const parts = rig();
  const { live, channels } = await joined(parts);
  channels.close();
  expect(live.ended).toBe(true);
  await settled();
  expect(parts.clock.sleeping).toBe(0);
});
