/** History is read by batches, from servers that know none one by one and by a consumer; what is missing is asked for again. */
import { expect, test } from "vitest";
import { NatsLog } from "../../../src/engines/nats/log/log.ts";
import { Untaken } from "../../../src/engines/nats/wire/untaken.ts";
import { channel, rig } from "./rig.ts";

const texts = Array.from({ length: 40 }, (_, i) => `line ${i}`);

/** What is asked of the server from here on, by its kind. */
function questionsOf({ server }: ReturnType<typeof rig>) {
  const asked = { batches: 0, consumers: 0, leader: 0 };
  const publish = server.publish.bind(server);
  server.publish = (publication, reply) => {
    if (publication.subject.startsWith("$JS.API.DIRECT.GET")) asked.batches++;
    if (publication.subject.startsWith("$JS.API.CONSUMER.CREATE")) asked.consumers++;
    if (publication.subject.startsWith("$JS.API.STREAM.MSG.GET")) asked.leader++;
    publish(publication, reply);
  };
  return asked;
}

async function linesOf({ reader }: ReturnType<typeof rig>, after: number, until: number): Promise<number[]> {
  const lines: number[] = [];
  for await (const { batch } of reader.stretch(channel, after, until)) lines.push(batch.line);
  return lines;
}

const all = texts.map((_, line) => line);

test.each([
  [true, { batches: 2, consumers: 0, leader: 0 }],
  [false, { batches: 8, consumers: 1, leader: 0 }],
])("forty messages where the server knows batches: %s", async (knowsBatches, questions) => {
  const parts = rig();
  await parts.write(...texts);
  parts.server.knowsBatches = knowsBatches;
  const asked = questionsOf(parts);
  expect(await linesOf(parts, 0, 40)).toEqual(all);
  expect(asked).toEqual(questions);
});

test("no more is asked for than lies up to the end", async () => {
  const parts = rig();
  await parts.write(...texts);
  const counts: number[] = [];
  const publish = parts.server.publish.bind(parts.server);
  parts.server.publish = (publication, reply) => {
    counts.push(JSON.parse(Buffer.from(publication.payload).toString()).batch);
    publish(publication, reply);
  };
  expect(await linesOf(parts, 10, 13)).toEqual([10, 11, 12]);
  expect(counts).toEqual([3]);
});

test("messages of a batch that do not arrive are asked for again", async () => {
  const parts = rig();
  await parts.write(...texts);
  parts.server.batchedToLose = 3;
  const reading = linesOf(parts, 0, 40);
  await parts.clock.advance(5_000);
  expect(await reading).toEqual(all);
});

test("a batch without its end is good as far as it came", async () => {
  const parts = rig();
  await parts.write(...texts);
  const deliver = parts.server.deliver.bind(parts.server);
  parts.server.deliver = (to, delivery) => delivery.headers.code === 204 || deliver(to, delivery);
  const reading = linesOf(parts, 0, 40);
  await parts.clock.advance(10_000);
  expect(await reading).toEqual(all);
});

test("what a copy of the stream has not yet, its leader is asked for", async () => {
  const parts = rig(3);
  await parts.write(...texts);
  const asked = questionsOf(parts);
  parts.server.nextToMiss = 2;
  expect(await linesOf(parts, 0, 40)).toEqual(all);
  expect(asked.leader).toBe(1);
});

test("the first message that was stored at a time or later", async () => {
  const parts = rig();
  for (const knowsBatches of [true, false]) {
    parts.server.knowsBatches = knowsBatches;
    await parts.clock.advance(5_000);
    const atMs = parts.clock.nowMs();
    const { sequence } = await parts.write(`${knowsBatches}`);
    await parts.clock.advance(5_000);
    await parts.write(`later than ${knowsBatches}`);
    expect(await parts.reader.since(channel, atMs)).toMatchObject({ sequence });
    expect(await parts.reader.since(channel, parts.clock.nowMs() + 1_000)).toBeUndefined();
  }
});

test.each([true, false])(
  "readers that stop hold no more than their bound together, and miss nothing (batches: %s)",
  async (knowsBatches) => {
    const bytesMax = 200_000;
    const untaken = new Untaken(bytesMax);
    const parts = rig(1, untaken);
    const large = texts.map((text) => text.padEnd(20_000, "x"));
    await parts.write(...large);
    parts.server.knowsBatches = knowsBatches;
    const readers = Array.from({ length: 30 }, () => parts.reader.stretch(channel, 0, 40));
    const read = readers.map((): number[] => []);
    let most = 0;
    const take = async (reader: number) => {
      const { value } = await readers[reader]!.next();
      if (value !== undefined) read[reader]!.push(value.batch.line);
      most = Math.max(most, untaken.bytes);
    };
    // Each takes some, then stops while the others go on.
    for (let turn = 0; turn < 4; turn++)
      for (const reader of readers.keys()) for (let n = 0; n < 12; n++) await take(reader);
    expect(read).toEqual(readers.map(() => all));
    expect(most).toBeLessThanOrEqual(bytesMax);
    expect(most).toBeGreaterThan(bytesMax / 4);
    expect(untaken.bytes).toBe(0);
  },
);

test.each([true, false])(
  "messages that are far larger than those before give way at once, and none is missed (batches: %s)",
  async (knowsBatches) => {
    const untaken = new Untaken(200_000);
    const parts = rig(1, untaken);
    await parts.write(...texts.map((text, n) => text.padEnd(n < 12 ? 0 : 20_000, "x")));
    parts.server.knowsBatches = knowsBatches;
    expect(await linesOf(parts, 0, 40)).toEqual(all);
    expect(untaken.bytes).toBe(0);
  },
);

test("readers who begin together ask together", async () => {
  const parts = rig();
  await parts.write(...texts.map((text) => text.padEnd(20_000, "x")));
  const alone = questionsOf(parts);
  expect(await linesOf(parts, 0, 40)).toEqual(all);
  const { batches } = alone;
  const read = await Promise.all(Array.from({ length: 100 }, () => linesOf(parts, 0, 40)));
  expect(read).toEqual(Array.from({ length: 100 }, () => all));
  expect(alone.batches - batches).toBeLessThan(10 * batches);
});

test("a large batch that two have read is one in memory, and another that took its place is not", async () => {
  const parts = rig();
  await parts.write("a".repeat(20_000), "small");
  const [first, again] = [await parts.reader.next(channel, 0), await parts.reader.next(channel, 0)];
  expect(again!.batch).toBe(first!.batch);
  for await (const { batch } of parts.reader.stretch(channel, 0, 1)) expect(batch).toBe(first!.batch);
  const found = parts.stream.at(1)!;
  const other = Buffer.from(found.payload);
  other[other.length - 1]! ^= 1;
  (found as { payload: Uint8Array }).payload = other;
  expect((await parts.reader.next(channel, 0))!.batch).not.toBe(first!.batch);
});

test("the end of a log is told by its last message alone", async () => {
  const parts = rig();
  await parts.write(...texts);
  const unused = {} as never;
  const log = new NatsLog({ ...parts, heads: unused, appends: unused, retention: unused, live: unused });
  const asked = questionsOf(parts);
  const { end, batches } = await log.recent(channel, 0);
  expect([end.line, batches]).toEqual([40, []]);
  expect((await log.recent(channel, 1)).batches.map(({ line }) => line)).toEqual([39]);
  expect(asked.batches).toBe(2);
});
