/** Followers in the process that wrote a batch are handed that batch; in another process, and later, they read it. */
import { afterEach, expect, test } from "vitest";
import type { StoredBatch } from "../../../src/core/batch/batch.ts";
import { indexOf } from "../../../src/core/batch/line-index.ts";
import { origin } from "../../../src/core/position.ts";
import { type NatsEngine, openOn } from "../../../src/engines/nats/open.ts";
import { keepsAll } from "../../contract/channel-log.ts";
import { batchesOf, batchOf, channelOf, takeLines, textsOf } from "../../support/batches.ts";
import { FakeClock, settled } from "../../support/fake-clock.ts";
import { NatsModel } from "../../support/nats-model/server.ts";

const channel = channelOf(1);
const clock = new FakeClock();
let engines: NatsEngine[] = [];
afterEach(async () => {
  await Promise.all(engines.map((engine) => engine.close()));
  engines = [];
});

async function nodes() {
  const server = new NatsModel(clock);
  const open = () => openOn(server.connect(), { clock, retention: keepsAll, replicas: 1, shards: 1 });
  engines = [await open(), await open()];
  return engines.map(({ log }) => {
    const heard: StoredBatch[] = [];
    void (async () => {
      const stop = new AbortController();
      for await (const batch of batchesOf(log.follow(channel, { kind: "now" }, stop.signal)))
        heard.push(batch);
    })();
    return { log, heard };
  });
}

test("a batch comes back as it was given, with its index, and is the same for everybody", async () => {
  const [here, there] = await nodes();
  await settled();
  const batch = batchOf(["one", "two"], { dedupId: "id" });
  const index = indexOf(batch);
  await here!.log.append(channel, batch);
  await settled();
  const [own] = here!.heard;
  const [other] = there!.heard;
  expect(own!.bytes).toBe(batch.bytes);
  expect(own!.index).toBe(index);
  expect(other!.bytes).not.toBe(batch.bytes);
  const start = { kind: "after", position: origin } as const;
  const [read] = await takeLines(here!.log.follow(channel, start, new AbortController().signal), 2);
  for (const stored of [other!, read!]) expect({ ...stored, index }).toEqual({ ...own!, index });
  expect("dedupId" in own!).toBe(false);
});

test("what another process writes at the same time is not taken for it", async () => {
  const [here, there] = await nodes();
  await settled();
  // Both call themselves the same and write as many bytes.
  await Promise.all([
    here!.log.append(channel, batchOf(["here!"], { dedupId: "a" })),
    there!.log.append(channel, batchOf(["there"], { dedupId: "b" })),
  ]);
  await settled();
  const texts = here!.heard.flatMap(textsOf);
  expect([...texts].sort()).toEqual(["here!", "there"]);
  expect(there!.heard.flatMap(textsOf)).toEqual(texts);
});
