/** Appends to copied streams look behind what was acknowledged, unless the stream's leader is a server that needs no look. */
import { afterEach, expect, test } from "vitest";
import { type NatsEngine, openOn } from "../../../src/engines/nats/open.ts";
import { keepsAll } from "../../contract/channel-log.ts";
import { batchOf, channelOf } from "../../support/batches.ts";
import { FakeClock, settled } from "../../support/fake-clock.ts";
import { NatsModel } from "../../support/nats-model/server.ts";

const stream = "tailrace-log-0";
let engine: NatsEngine;
afterEach(() => engine.close());

async function open(replicas: number, version: string | undefined) {
  const clock = new FakeClock();
  const server = new NatsModel(clock);
  engine = await openOn(server.connect(), { clock, retention: keepsAll, replicas, shards: 1 });
  const say = (said: string | undefined) => {
    const { config } = server.streams.get(stream)!;
    (config as { metadata?: object }).metadata = said === undefined ? {} : { "_nats.ver": said };
  };
  say(version);
  let looks = 0;
  const publish = server.publish.bind(server);
  server.publish = (publication, reply) => {
    if (publication.subject === `$JS.API.STREAM.MSG.GET.${stream}` && reply !== undefined) looks++;
    publish(publication, reply);
  };
  /** Two channels take turns, so that no message directly follows the previous one of its channel. */
  const appendsLook = async (): Promise<boolean> => {
    const lines = [...Array(3).keys()];
    const before = looks;
    for (const line of lines)
      for (const channel of [channelOf(1), channelOf(2)])
        await engine.log.append(
          channel,
          batchOf([`${line}`], { firstLine: line, dedupId: `${clock.nowMs()} ${line}` }),
        );
    return looks > before;
  };
  await appendsLook(); // both channels' ends are known, and the leader was asked
  await settled();
  await clock.advance(1);
  return { clock, server, say, appendsLook };
}

test.each([
  [3, "2.15.1", false],
  [3, "2.16.0", false],
  [3, "3.0.0", false],
  [3, "2.14.9", true],
  [3, "2.9.10", true],
  [3, undefined, true],
  [1, undefined, false],
] as const)("with %i copies, on a server that says %s: %s", async (replicas, version, looks) => {
  const { appendsLook } = await open(replicas, version);
  expect(await appendsLook()).toBe(looks);
});

test("a new leader is asked anew, and until it has said what it is, appends look", async () => {
  const { clock, server, say, appendsLook } = await open(3, "2.15.1");
  say("2.10.27");
  expect(await appendsLook()).toBe(false);
  server.elected(stream);
  await settled();
  await clock.advance(1);
  expect(await appendsLook()).toBe(true);
  await clock.advance(2_000);
  expect(await appendsLook()).toBe(true);
  say("2.15.1");
  await clock.advance(2_000);
  await appendsLook();
  await clock.advance(2_000);
  expect(await appendsLook()).toBe(false);
});
