/** Many who wait for the same are not all served in one turn of the event loop. */
import { afterEach, expect, test, vi } from "vitest";
import { sharedAnswer } from "../src/control/shared-answer.ts";
import { newChannelId } from "../src/core/ids.ts";
import { origin } from "../src/core/position.ts";
import type { Channel } from "../src/engines/journal/channel.ts";
import { Follower, LiveChannel } from "../src/engines/journal/live.ts";
import { LiveWindow } from "../src/engines/journal/live-window.ts";
import type { Reader } from "../src/engines/journal/reader.ts";
import { LiveChannel as NatsLiveChannel } from "../src/engines/nats/log/live-channel.ts";
import { Handover } from "../src/engines/nats/wire/handover.ts";
import type { ChannelLog, Store, StoreChange } from "../src/ports.ts";
import { RecordCache } from "../src/registry/record-cache.ts";
import { shared } from "../src/registry/shared.ts";
import { Recent } from "../src/tail/recent.ts";
import { turnMsMax } from "../src/turns.ts";
import { batchOf } from "./support/batches.ts";

const waiting = 40;
const channel = newChannelId();
const clock = { nowMs: () => 0, monotonicMs: () => performance.now(), async sleep() {} };
const end = { position: origin, line: 0 };

function later<Value>() {
  let resolve!: (value: Value) => void;
  const promise = new Promise<Value>((resolved) => (resolve = resolved));
  return { promise, resolve };
}

/** What is waited for: each call of `wait` is one who waits, and `come` lets all of them go. */
type Waited = { readonly wait: () => Promise<unknown>; readonly come: () => void };

const awaited: Readonly<Record<string, () => Waited>> = {
  "an answer that is the same for everybody": () => {
    const made = later<string>();
    return { wait: sharedAnswer(() => made.promise, 1_000), come: () => made.resolve("answer") };
  },
  "the next run of slow work": () => {
    const runs = [later<void>(), later<void>()];
    let run = 0;
    const ask = shared(() => runs[run++]!.promise);
    void ask();
    const come = () => {
      for (const { resolve } of runs) resolve();
    };
    return { wait: ask, come };
  },
  "an app's newest lines": () => {
    const read = later<Awaited<ReturnType<ChannelLog["recent"]>>>();
    const log = { recent: () => read.promise, async *follow() {} } as unknown as ChannelLog;
    const recent = new Recent({ log, clock, historyLines: 10, expiryMs: 1_000, ringsBytesMax: 1 << 20 });
    return { wait: () => recent.read(channel), come: () => read.resolve({ batches: [], end }) };
  },
  "a record": () => {
    const read = later<undefined>();
    const never = later<void>();
    async function* watch(): AsyncGenerator<StoreChange<never> | "ready"> {
      yield "ready";
      await never.promise;
    }
    const store = { get: () => read.promise, watch } as unknown as Store;
    const records = new RecordCache({ store, clock, prefix: "key/", entriesMax: 10 });
    return { wait: () => records.find("key/a"), come: () => read.resolve(undefined) };
  },
  "records that come from NATS in one read": () => {
    const read = later<void>();
    const handover = new Handover(clock);
    let asked = 0;
    const wait = async () => {
      const key = `key/${asked++}`;
      await read.promise;
      await handover.turn(key);
    };
    return { wait, come: () => read.resolve() };
  },
  "the next lines of a journal": () => {
    const live = new LiveChannel(
      {} as Reader,
      new LiveWindow(),
      { id: channel, line: 0 } as Channel,
      () => {},
    );
    const { signal } = new AbortController();
    const stored = { ...batchOf(["a"]), sequence: 0, line: 0, incarnation: "i" };
    return {
      wait: () => new Follower(live, { line: 0 }, signal).next(),
      come: () => live.publish({ id: channel, line: 1 } as Channel, stored),
    };
  },
  "the next lines on NATS": () => {
    const parts = { held: { bytes: 0 }, underWay: new Map() };
    const start = Promise.resolve(undefined);
    const live = new NatsLiveChannel({ id: channel, incarnation: "i" }, clock, parts, start, () => {});
    return { wait: () => live.changed({ wake: () => {} }), come: () => live.note(1) };
  },
};

afterEach(() => vi.restoreAllMocks());

test.each(Object.entries(awaited))("who waits for %s continues when there is time", async (_, make) => {
  let nowMs = 0;
  vi.spyOn(performance, "now").mockImplementation(() => nowMs);
  const { wait, come } = make();
  let served = 0;
  const all = Array.from({ length: waiting }, async () => {
    await wait();
    served++;
    nowMs += turnMsMax; // what it does takes up a turn
  });
  for (let n = 0; n < 3; n++) await new Promise(setImmediate); // until all of them wait
  come();
  const inTurn: number[] = [];
  while (served < waiting) {
    const before = served;
    await new Promise(setImmediate);
    inTurn.push(served - before);
    expect(inTurn.length).toBeLessThan(3 * waiting);
  }
  await Promise.all(all);
  expect(Math.max(...inTurn)).toBeLessThanOrEqual(2); // one at once, and one that waited
});
