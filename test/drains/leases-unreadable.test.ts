/** A shard whose record another version wrote is left to it; the others are run. */
import { expect, test, vi } from "vitest";
import { BackgroundFailures } from "../../src/background-failures.ts";
import { leaseShardKey } from "../../src/core/records/record-keys.ts";
import { Leases } from "../../src/drains/leases.ts";
import { openMemory } from "../../src/engines/memory.ts";
import { CheckedStore } from "../../src/registry/checked-store.ts";
import { keepsAll } from "../support/control-server.ts";
import { FakeClock } from "../support/fake-clock.ts";

test("an unreadable lease is left alone, and told once", async () => {
  const clock = new FakeClock();
  const engine = await openMemory({ clock, retention: keepsAll });
  const damaged = { version: 2, holders: ["a", "b"] };
  await engine.store.put(leaseShardKey(1), damaged, 0);
  const error = vi.fn();
  const leases = new Leases({
    store: new CheckedStore(engine.store, { error } as never),
    clock,
    node: "node-1",
    shards: 4,
    failures: new BackgroundFailures({ logger: undefined, nowMs: () => clock.nowMs() }),
    run: (_shard, signal) =>
      new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true })),
  });
  for (let i = 0; i < 20 && leases.held.length < 3; i++) await clock.advance(500);
  await clock.advance(2_000);
  expect([...leases.held].sort()).toEqual([0, 2, 3]);
  expect((await engine.store.get(leaseShardKey(1)))?.value).toEqual(damaged);
  expect(error.mock.calls.map(([fields]) => fields)).toEqual([{ key: leaseShardKey(1) }]);
  const closed = leases.close();
  await clock.advance(2_000);
  await closed;
  await engine.close();
});
