/** Work that nobody waits for: its failures are counted and told, and do not fill the server's log. */
import { describe, expect, test, vi } from "vitest";
import { Heads } from "../src/engines/nats/log/heads.ts";
import { LiveChannels } from "../src/engines/nats/log/live.ts";
import { Retention } from "../src/engines/nats/log/retention.ts";
import { type FailedWork, Failures } from "../src/failures.ts";
import { backgroundFailures } from "../src/metrics.ts";
import type { Store } from "../src/ports.ts";
import { batchOf, channelOf } from "./support/batches.ts";
import { FakeClock } from "./support/fake-clock.ts";

type Told = { readonly err: unknown; readonly untold?: number };

const away = new Error("the server is away");
const channel = channelOf(1);
const head = { sequence: 1, line: 1, bytes: 100 };

/** What was logged, and the count of the metric since it was made. */
async function listening(work: FailedWork) {
  const count = async () =>
    (await backgroundFailures.get()).values.find(({ labels }) => labels.work === work)?.value ?? 0;
  const before = await count();
  const told: Told[] = [];
  let nowMs = 0;
  const failures = new Failures({
    logger: { warn: (fields: Told) => told.push(fields) } as never,
    nowMs: () => nowMs,
  });
  return {
    failures,
    told,
    counted: async () => (await count()) - before,
    pass: (ms: number) => (nowMs += ms),
  };
}

test("each failure is counted, one of a kind in a minute is logged, with how many were not", async () => {
  const { failures, told, counted, pass } = await listening("head");
  for (let n = 0; n < 5; n++) failures.note("head", away, "no");
  failures.note("live", away, "another kind");
  pass(60_000);
  failures.note("head", away, "no");
  pass(60_000);
  failures.note("head", away, "no");
  expect(told).toEqual([{ err: away }, { err: away }, { err: away, untold: 4 }, { err: away }]);
  expect(await counted()).toBe(7);
});

describe("on NATS", () => {
  const reader = {
    last: () => Promise.reject(away),
    incarnation: () => "test0",
    place: () => ({ stream: "LOG-0", shard: 0, log: "log.0.x", live: "live.0.x" }),
  } as never;

  test("a channel whose limits cannot be held", async () => {
    const { failures, told, counted } = await listening("retention");
    const limits = { ageMsMax: 1, channelBytesMax: 1, channelLinesMax: 1, totalBytesMax: 1 };
    const retention = new Retention({ reader, api: {} as never, limits, failures });
    retention.grown(channel, head);
    await vi.waitUntil(async () => (await counted()) === 1);
    expect(told).toEqual([{ err: away }]);
    await retention.close();
  });

  test("a channel whose end cannot be written down; it is tried again", async () => {
    const { failures, told, counted } = await listening("head");
    const store: Partial<Store> = { get: () => Promise.reject(away) };
    const heads = new Heads({
      reader,
      store: store as Store,
      idleMs: 60_000,
      failures,
      clock: new FakeClock(),
    });
    heads.moved(channel, head, batchOf(["a"]));
    await heads.close();
    expect(await counted()).toBe(1);
    await heads.close();
    expect(await counted()).toBe(2);
    expect(told).toEqual([{ err: away }]);
  });

  test("a channel that cannot be compared with its stream", async () => {
    const { failures, told } = await listening("live");
    const wire = { onReconnect: () => () => {}, subscribe: () => () => {} } as never;
    const clock = new FakeClock();
    const live = new LiveChannels({ wire, reader, failures, clock });
    live.join(channel);
    await clock.advance(32_000);
    expect(told).toEqual([{ err: away }]);
    live.close();
  });
});
