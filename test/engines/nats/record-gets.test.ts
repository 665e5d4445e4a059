/** Reads of records share one connection with everything else: so many are on their way, and the same one is asked once. */
import { expect, test } from "vitest";
import { NatsStore } from "../../../src/engines/nats/store.ts";
import { Publisher } from "../../../src/engines/nats/wire/publisher.ts";
import { answerMsMax, StreamApi } from "../../../src/engines/nats/wire/stream-api.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { NatsModel } from "../../support/nats-model/server.ts";

const getsMax = 16;

function open() {
  const clock = new FakeClock();
  const server = new NatsModel(clock);
  server.add({
    name: "KV_t",
    subjects: ["$KV.t.>"],
    duplicate_window: 1e9,
    max_msgs_per_subject: 1,
  } as never);
  const wire = server.connect();
  const counts = { asked: 0, underWay: 0, most: 0 };
  const api = new StreamApi(
    {
      connected: true,
      request: async (...args: Parameters<typeof wire.request>) => {
        counts.asked++;
        counts.most = Math.max(counts.most, ++counts.underWay);
        try {
          return await wire.request(...args);
        } finally {
          counts.underWay--;
        }
      },
    } as never,
    clock,
  );
  const publisher = new Publisher(wire, clock);
  const store = new NatsStore({ wire, api, clock, publisher, bucket: "t" });
  return { clock, server, counts, store };
}

test("a record that hundreds ask for at once is read a few times, and each sees what was written before he asked", async () => {
  const { counts, store } = open();
  let revision = (await store.put("app/1", 0, 0))!;
  counts.asked = 0;
  const found: Promise<void>[] = [];
  for (let value = 0; value < 10; value++) {
    for (let n = 0; n < 50; n++)
      found.push(store.get<number>("app/1").then((r) => expect(r!.value).toBeGreaterThanOrEqual(value)));
    revision = (await store.put("app/1", value + 1, revision))!;
  }
  await Promise.all(found);
  expect(counts.asked).toBeLessThan(10 * (getsMax + 2));
  expect(counts.most).toBeLessThanOrEqual(getsMax);
});

test("different records are read so many at a time", async () => {
  const { counts, store } = open();
  await Promise.all(Array.from({ length: 200 }, (_, n) => store.get(`app/${n}`)));
  expect(counts).toEqual({ asked: 200, underWay: 0, most: getsMax });
});

test("those who wait for the same answer go on a few in each turn of the event loop", async () => {
  const { store } = open();
  await store.put("app/1", "a", 0);
  let inTurn = 0;
  let most = 0;
  let turns = 0;
  const turn = () => {
    most = Math.max(most, inTurn);
    inTurn = 0;
    if (++turns < 200) setImmediate(turn);
  };
  setImmediate(turn);
  await Promise.all(Array.from({ length: 500 }, () => store.get("app/1").then(() => inTurn++)));
  expect(most).toBeLessThanOrEqual(2 * getsMax + 4); // all 500 before; a turn takes no time by this clock
});

test("when nothing is answered, all who wait are told soon, however many there are", async () => {
  const { clock, server, store } = open();
  server.isSilent = true;
  let failed = 0;
  const all = Array.from({ length: 500 }, (_, n) => store.get(`app/${n}`).catch(() => failed++));
  await clock.advance(2 * answerMsMax);
  expect(failed).toBe(500);
  await Promise.all(all);
});
