/** A batch is stored once, whatever servers say to its repeats while they do not know themselves whether they have it. */
import { afterEach, expect, test } from "vitest";
import { type NatsEngine, openOn } from "../../../src/engines/nats/open.ts";
import { keepsAll } from "../../contract/channel-log.ts";
import { batchOf, channelOf, textsOf } from "../../support/batches.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { NatsModel } from "../../support/nats-model/server.ts";

const inProcess = { code: 400, err_code: 10164, description: "subject is in process" };
const wrongSequence = { code: 400, err_code: 10071, description: "wrong last sequence" };
let engine: NatsEngine;
afterEach(() => engine.close());

test.each([
  ["one is under way", inProcess, undefined, false],
  ["another is the last", wrongSequence, undefined, false],
  ["one is under way, with a dedup id", inProcess, "id", false],
  ["one is under way, and the connection is renewed", inProcess, undefined, true],
])(
  "its acknowledgement is lost, and its repeat is told that %s before anybody sees it",
  async (_, refusal, dedupId, isRenewed) => {
    const clock = new FakeClock();
    const server = new NatsModel(clock);
    const wire = server.connect();
    engine = await openOn(wire, { clock, retention: keepsAll, replicas: 3, shards: 1 });
    const channel = channelOf(1);
    await engine.log.append(channel, batchOf(["before"]));
    server.acksToLose = 1;
    let sent = 0;
    const publish = server.publish.bind(server);
    server.publish = (publication, reply) => {
      if (publication.subject.startsWith("log.")) {
        sent++;
        server.refusal = sent === 2 ? refusal : undefined;
        server.nextToMiss = sent === 2 ? 2 : 0; // a copy and the leader have not applied it yet
      }
      publish(publication, reply);
    };
    const appending = engine.log.append(
      channel,
      batchOf(["once"], { firstLine: 1, ...(dedupId && { dedupId }) }),
    );
    while (sent < 2) await clock.advance(10);
    if (isRenewed) {
      wire.break(); // all that is known of channels' ends is forgotten
      wire.restore();
    }
    await clock.advance(5_000);
    await appending;
    await engine.log.append(channel, batchOf(["after"], { firstLine: 2 }));
    const { batches, end } = await engine.log.recent(channel, 10);
    expect(batches.flatMap(textsOf)).toEqual(["before", "once", "after"]);
    expect(end.line).toBe(3);
    expect(sent).toBe(4);
  },
);

test("an append waits for one turn of another writer's, however many follow it", async () => {
  const clock = new FakeClock();
  const server = new NatsModel(clock);
  engine = await openOn(server.connect(), { clock, retention: keepsAll, replicas: 1, shards: 1 });
  const other = server.connect();
  const channel = channelOf(1);
  await engine.log.append(channel, batchOf(["before"]));
  let isStored = false;
  other.publish(`turn.${channel}`, Buffer.from("another"));
  await clock.advance(1);
  const appending = engine.log.append(channel, batchOf(["behind"], { firstLine: 1 })).then(() => {
    isStored = true;
  });
  const startMs = clock.monotonicMs();
  while (!isStored && clock.monotonicMs() - startMs < 1_000) {
    other.publish(`turn.${channel}`, Buffer.from("another"));
    await clock.advance(10);
  }
  expect(clock.monotonicMs() - startMs).toBeLessThan(100);
  await appending;
});
