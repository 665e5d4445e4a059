/** A channel's own limits on NATS, and followers that retention passes. */
import { expect, test } from "vitest";
import { encodedBytes } from "../../../src/core/batch/batch.ts";
import { origin } from "../../../src/core/position.ts";
import type { Retention as Limits } from "../../../src/engines/engine.ts";
import type { Reader } from "../../../src/engines/nats/log/reader.ts";
import { Retention } from "../../../src/engines/nats/log/retention.ts";
import type { Head } from "../../../src/engines/nats/log/stored.ts";
import { openOn } from "../../../src/engines/nats/open.ts";
import { keepsAll } from "../../contract/channel-log.ts";
import { batchOf, channelOf, takeLines } from "../../support/batches.ts";
import { FakeClock, settled } from "../../support/fake-clock.ts";
import { NatsModel } from "../../support/nats-model/server.ts";
import { channel, rig } from "./rig.ts";

const tenLines = { ...keepsAll, channelLinesMax: 10 };
const batchBytes = encodedBytes(batchOf(["0".repeat(8)]));
const hundredBatches = { ...keepsAll, channelBytesMax: 100 * batchBytes };

/** A channel with limits, and a writer that counts each batch against them. Its lines are numbered. */
function limited(limits: Limits) {
  const { write, reader, ...parts } = rig();
  let written = 0;
  let reads = 0;
  const counting: Pick<Reader, "next" | "place"> = {
    place: (id) => reader.place(id),
    next: (id, sequence) => {
      reads++;
      return reader.next(id, sequence);
    },
  };
  const begin = () => new Retention({ ...parts, limits, reader: counting as Reader });
  let retention = begin();
  let head: Head = { sequence: 0, line: 0, bytes: 0 };
  const one = async () => {
    const last = head;
    head = await write(String(written++).padStart(8, "0"));
    return last;
  };
  return {
    ...parts,
    /** How many messages were read. */
    reads: () => reads,
    left: () => parts.stream.pending(1, ">"),
    close: () => retention.close(),
    /** Another process is the writer from now on. */
    restart() {
      retention = begin();
    },
    async writeUncounted(batches: number) {
      for (let n = 0; n < batches; n++) await one();
    },
    async write(batches: number) {
      for (let n = 0; n < batches; n++) {
        const last = await one();
        retention.grown(channel, head, { ...last, sequence: head.sequence - 1 });
        await settled();
      }
    },
  };
}

test("a channel that has grown over its lines is purged down to them", async () => {
  const { stream, left, writeUncounted, write, close } = limited(tenLines);
  await writeUncounted(39);
  await write(1);
  await close();
  expect(left()).toBe(10);
  expect(stream.next(1, ">")?.sequence).toBe(31);
});

test("a process that writes a channel alone never reads it for its limits, and it keeps as much as they allow", async () => {
  const { left, reads, write } = limited(hundredBatches);
  await write(90);
  for (let n = 0; n < 500; n++) {
    await write(1);
    expect(left()).toBeGreaterThanOrEqual(n < 10 ? 90 + n : 93);
    expect(left()).toBeLessThanOrEqual(108);
  }
  expect(reads()).toBe(0);
});

test("what a process knows nothing of is read once: some places, and not for each batch", async () => {
  const { left, reads, write, restart } = limited(hundredBatches);
  await write(300);
  restart();
  for (let n = 0; n < 300; n++) {
    await write(1);
    expect(left()).toBeGreaterThanOrEqual(93);
    expect(left()).toBeLessThanOrEqual(108);
  }
  expect(reads()).toBeGreaterThan(0);
  expect(reads()).toBeLessThan(40);
});

test("the last batch stays, however small the limits are", async () => {
  const { left, write, close } = limited({ ...keepsAll, channelBytesMax: 1 });
  await write(20);
  await close();
  expect(left()).toBe(1);
});

test("the places of a channel that was destroyed are none of the one that begins again", async () => {
  const server = new NatsModel(new FakeClock());
  const options = { clock: server.clock, replicas: 1, shards: 1, retention: tenLines };
  const { log, close } = await openOn(server.connect(), options);
  const append = async (times: number) => {
    for (let n = 0; n < times; n++) await log.append(channel, batchOf([`${n}`]));
  };
  await append(10);
  await log.destroy(channel);
  await append(20);
  await settled();
  expect(server.streams.get("tailrace-log-0")!.pending(1, ">")).toBe(10);
  await close();
});

test("without limits of channels nothing is looked at", async () => {
  const { reads, write, left } = limited(keepsAll);
  await write(30);
  expect([reads(), left()]).toEqual([0, 30]);
});

test("limits that cannot be held are told once a minute, and held with the channel's next lines", async () => {
  const { left, server, clock, logged, write, writeUncounted, close } = limited(tenLines);
  await writeUncounted(39);
  const silenced = server.publish;
  server.publish = (publication, reply) => {
    if (!publication.subject.startsWith("$JS.API.")) silenced.call(server, publication, reply);
  };
  for (let n = 0; n < 2; n++) {
    await write(1);
    await clock.advance(12_000);
  }
  expect(logged).toHaveLength(1);
  expect(left()).toBe(41);
  server.publish = silenced;
  await write(1);
  await close();
  expect(left()).toBe(10);
});

test("eight channels are looked at, at the same time; the others wait, each once", async () => {
  const { api, failures, reader } = rig();
  let looking = 0;
  let most = 0;
  let looks = 0;
  const next = async () => {
    looks++;
    most = Math.max(most, ++looking);
    await new Promise(setImmediate);
    looking--;
    return undefined;
  };
  const place = () => reader.place(channel);
  const retention = new Retention({ reader: { next, place } as never, api, failures, limits: tenLines });
  const [last, head] = [9, 10].map((n) => ({ sequence: n, line: 10 * n, bytes: n })) as [Head, Head];
  for (const n of [...Array(50).keys(), ...Array(50).keys()]) retention.grown(channelOf(n), head, last);
  while (looks < 50) await new Promise(setImmediate);
  await retention.close();
  expect(most).toBe(8);
  expect(looks).toBe(50);
});

test("a follower that retention passes while nothing is held for it goes on with what is left", async () => {
  const clock = new FakeClock();
  const options = { clock, replicas: 1, shards: 1, retention: { ...keepsAll, ageMsMax: 10_000 } };
  const engine = await openOn(new NatsModel(clock).connect(), options);
  for (const text of ["a", "b", "c"]) await engine.log.append(channel, batchOf([text]));
  const stop = new AbortController();
  const late = engine.log.follow(channel, { kind: "after", position: origin }, stop.signal);
  await clock.advance(20_000);
  await engine.log.append(channel, batchOf(["d"]));
  expect(await takeLines(late, 1)).toMatchObject([{ line: 3 }]);
  stop.abort();
  await engine.close();
});
