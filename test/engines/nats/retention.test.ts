/** A channel's own limits on NATS, and followers that retention passes. */
import { expect, test } from "vitest";
import { origin } from "../../../src/core/position.ts";
import { Retention } from "../../../src/engines/nats/log/retention.ts";
import { openOn } from "../../../src/engines/nats/open.ts";
import { keepsAll } from "../../contract/channel-log.ts";
import { batchOf, channelOf, takeLines } from "../../support/batches.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { NatsModel } from "../../support/nats-model/server.ts";
import { channel, rig } from "./rig.ts";

const texts = Array.from({ length: 40 }, (_, i) => `line ${i}`);

test("a channel that has grown over its lines is purged down to them", async () => {
  const { reader, api, failures, stream, write } = rig();
  const retention = new Retention({ reader, api, failures, limits: { ...keepsAll, channelLinesMax: 10 } });
  retention.grown(channel, await write(...texts));
  await retention.close();
  expect(stream.pending(1, ">")).toBe(10);
  expect(stream.next(1, ">")?.sequence).toBe(31);
});

test("without limits of channels nothing is looked at", async () => {
  const { reader, api, failures, server, write } = rig();
  const retention = new Retention({ reader, api, failures, limits: keepsAll });
  const head = await write("a");
  server.isSilent = true;
  retention.grown(channel, head);
  await retention.close();
});

test("limits that cannot be held are told once a minute, and held with the channel's next lines", async () => {
  const { reader, api, failures, stream, server, clock, told, write } = rig();
  const retention = new Retention({ reader, api, failures, limits: { ...keepsAll, channelLinesMax: 10 } });
  const head = await write(...texts);
  server.isSilent = true;
  for (let n = 0; n < 2; n++) {
    retention.grown(channel, head);
    await clock.advance(12_000);
  }
  expect(told).toHaveLength(1);
  expect(stream.pending(1, ">")).toBe(40);
  server.isSilent = false;
  retention.grown(channel, head);
  await retention.close();
  expect(stream.pending(1, ">")).toBe(10);
});

test("eight channels are looked at, at the same time; the others wait, each once", async () => {
  const { api, failures } = rig();
  let looking = 0;
  let most = 0;
  let looks = 0;
  const last = async () => {
    looks++;
    most = Math.max(most, ++looking);
    await new Promise(setImmediate);
    looking--;
    return undefined;
  };
  const limits = { ...keepsAll, channelLinesMax: 10 };
  const retention = new Retention({ reader: { last } as never, api, failures, limits });
  const head = { sequence: 1, line: 1, bytes: 1 };
  for (const n of [...Array(50).keys(), ...Array(50).keys()]) retention.grown(channelOf(n), head);
  while (looks < 50) await new Promise(setImmediate);
  await retention.close();
  expect(most).toBe(8);
  expect(looks).toBeLessThanOrEqual(58); // the eight that were under way are looked at once more
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
