/** Shards are shared by nodes that come, go, die and are cut off: never two at one shard, never none for long. */
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { BackgroundFailures } from "../../src/background-failures.ts";
import { Leases } from "../../src/drains/leases.ts";
import { openMemory } from "../../src/engines/memory.ts";
import type { Store } from "../../src/ports.ts";
import { FakeClock } from "../support/fake-clock.ts";

const shards = 16;
/** How long work takes to stop, at most: less than the margin between two holders. */
const stopMsMax = 600;
const keepsAll = {
  ageMsMax: Infinity,
  channelBytesMax: Infinity,
  channelLinesMax: Infinity,
  totalBytesMax: Infinity,
};

class Node {
  readonly leases: Leases;
  /** Cut off from the store: nothing goes there, nothing comes. */
  isCutOff = false;
  /** Its watch breaks at the next change. */
  isWatchBroken = false;
  #reconnect: () => void = () => {};
  #connected: Promise<void> = Promise.resolve();

  constructor(world: World, store: Store, name: string) {
    const reachable = () => {
      if (this.isCutOff) throw new Error("no way to the store");
    };
    const self = this;
    const own: Store = {
      async get(key) {
        reachable();
        return store.get(key);
      },
      // The put may be stored and its answer lost.
      async put(key, value, revision) {
        reachable();
        const put = await store.put(key, value, revision);
        await world.clock.sleep(world.delayMs());
        reachable();
        return put;
      },
      list: (prefix) => store.list(prefix),
      async *watch(prefix, signal) {
        for await (const change of store.watch(prefix, signal)) {
          await self.#connected;
          if (self.isWatchBroken && change !== "ready") {
            self.isWatchBroken = false;
            throw new Error("the watch broke");
          }
          yield change as never;
        }
      },
      close: () => store.close(),
    };
    this.leases = new Leases({
      store: own,
      clock: world.clock,
      node: name,
      shards,
      failures: new BackgroundFailures({ logger: undefined, nowMs: () => world.clock.nowMs() }),
      run: async (shard, signal) => {
        world.begin(shard, name);
        await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
        await world.clock.sleep(world.delayMs());
        world.end(shard, name);
      },
    });
  }

  cutOff(): void {
    if (this.isCutOff) return;
    this.isCutOff = true;
    this.#connected = new Promise((resolve) => {
      this.#reconnect = resolve;
    });
  }

  heal(): void {
    this.isCutOff = false;
    this.#reconnect();
  }
}

class World {
  readonly clock = new FakeClock();
  readonly nodes: Node[] = [];
  readonly working = new Map<number, Set<string>>();
  readonly faults: string[] = [];
  delayMs: () => number = () => 0;

  readonly #store: Store;
  readonly #all: Node[] = [];

  constructor(store: Store) {
    this.#store = store;
  }

  add(): Node {
    const node = new Node(this, this.#store, `n${this.#all.length}`);
    this.#all.push(node);
    this.nodes.push(node);
    return node;
  }

  begin(shard: number, name: string): void {
    const at = this.working.get(shard) ?? new Set();
    at.add(name);
    this.working.set(shard, at);
    if (at.size > 1) this.faults.push(`${[...at].join(" and ")} both work on ${shard}`);
  }

  end(shard: number, name: string): void {
    this.working.get(shard)?.delete(name);
  }

  /** How many shards each node that can reach the store works on, fewest first. */
  shares(): number[] {
    return this.nodes
      .filter(({ isCutOff }) => !isCutOff)
      .map(({ leases }) => leases.held.length)
      .sort((a, b) => a - b);
  }

  async close(): Promise<void> {
    for (const node of this.#all) node.heal();
    const closing = Promise.all(this.#all.map(({ leases }) => leases.close()));
    for (let i = 0; i < 20; i++) await this.clock.advance(500);
    await closing;
  }
}

const newWorld = async () =>
  new World((await openMemory({ clock: new FakeClock(), retention: keepsAll })).store);
const passMs = async (world: World, ms: number) => {
  for (let passed = 0; passed < ms; passed += 250) await world.clock.advance(250);
};

describe("leases", () => {
  let world: World | undefined;
  afterEach(() => world?.close());

  test("one node takes all shards", async () => {
    world = await newWorld();
    world.add();
    await passMs(world, 1500);
    expect(world.shares()).toEqual([16]);
  });

  test("a node that comes gets its share within 10 seconds", async () => {
    world = await newWorld();
    world.add();
    await passMs(world, 2000);
    world.add();
    world.add();
    await passMs(world, 10_000);
    expect(world.shares()).toEqual([5, 5, 6]);
    expect(world.faults).toEqual([]);
  });

  test("a node that closes gives its shards back at once", async () => {
    world = await newWorld();
    world.add();
    const leaving = world.add();
    await passMs(world, 10_000);
    const closing = leaving.leases.close();
    world.nodes.pop();
    await passMs(world, 3000);
    await closing;
    expect(world.shares()).toEqual([16]);
    expect(world.faults).toEqual([]);
  });

  test("the shards of a node that is cut off move within 10 seconds, after it stopped", async () => {
    world = await newWorld();
    world.delayMs = () => stopMsMax;
    const [one] = [world.add(), world.add()];
    await passMs(world, 12_000);
    expect(world.shares()).toEqual([8, 8]);
    one!.cutOff();
    await passMs(world, 10_000);
    expect(one!.leases.held).toEqual([]);
    expect(world.shares()).toEqual([16]);
    one!.heal();
    await passMs(world, 10_000);
    expect(world.shares()).toEqual([8, 8]);
    expect(world.faults).toEqual([]);
  });

  test("a watch that breaks is begun again: a node that came or went meanwhile is seen", async () => {
    world = await newWorld();
    const one = world.add();
    await passMs(world, 2000);
    one.isWatchBroken = true;
    const two = world.add();
    await passMs(world, 10_000);
    expect(one.isWatchBroken).toBe(false);
    expect(world.shares()).toEqual([8, 8]);
    one.isWatchBroken = true;
    world.nodes.pop();
    const closing = two.leases.close();
    await passMs(world, 3000);
    await closing;
    expect(world.shares()).toEqual([16]);
    expect(world.faults).toEqual([]);
  });

  test("whatever happens, no shard has two nodes, and in the end each shard has one", async () => {
    const step = fc.record({
      what: fc.constantFrom("add", "cut off", "cut off", "break watch", "heal", "close", "wait", "wait"),
      which: fc.nat(),
      passMs: fc.integer({ min: 50, max: 4000 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 25 }),
        fc.infiniteStream(fc.nat(stopMsMax)),
        async (steps, delays) => {
          const own = await newWorld();
          own.delayMs = () => delays.next().value ?? 0;
          own.add();
          own.add();
          for (const { what, which, passMs: ms } of steps) {
            const node = own.nodes[which % own.nodes.length];
            if (what === "add" && own.nodes.length < 5) own.add();
            if (what === "cut off") node?.cutOff();
            if (what === "break watch" && node !== undefined) node.isWatchBroken = true;
            if (what === "heal") node?.heal();
            if (what === "close" && own.nodes.length > 1 && node !== undefined) {
              own.nodes.splice(own.nodes.indexOf(node), 1);
              void node.leases.close();
            }
            await passMs(own, ms);
          }
          for (const node of own.nodes) node.heal();
          await passMs(own, 20_000);
          const shares = own.shares();
          expect(own.faults).toEqual([]);
          expect(shares.reduce((a, b) => a + b, 0)).toBe(shards);
          expect(shares.at(-1)! - shares[0]!).toBeLessThanOrEqual(1);
          await own.close();
        },
      ),
      { numRuns: 100 },
    );
  });
});
