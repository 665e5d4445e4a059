import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ChannelId } from "../../src/core/ids.ts";
import { recordPrefixes } from "../../src/core/records/record-keys.ts";
import type { Store, StoreChange } from "../../src/ports.ts";
import { operatorKeyId } from "../../src/registry/keys.ts";
import { type ReadingRight, ReadingRights } from "../../src/registry/reading-rights.ts";
import { TestRegistry } from "../support/control-server.ts";
import { FakeClock, settled } from "../support/fake-clock.ts";
import { engines, type Nodes } from "./nodes.ts";

describe.each(Object.entries(engines))("a right to read, over %s", (_, open) => {
  let opened: Nodes;
  let here: TestRegistry;
  let rights: readonly [ReadingRights, ReadingRights];
  let todo: ChannelId;
  let other: ChannelId;
  beforeEach(async () => {
    opened = await open();
    here = opened.nodes[0];
    rights = opened.nodes.map((node) => new ReadingRights(node)) as never;
    todo = (await here.apps.create("todo")).id;
    other = (await here.apps.create("other")).id;
  });
  afterEach(async () => {
    await Promise.all(rights.map((each) => each.close()));
    await opened.close();
  });

  const newKey = async (more: { lifeMs?: number } = {}) =>
    (await here.keys.create({ apps: [todo, other], readOnly: true, description: "", ...more })).record.id;
  /** On both nodes. */
  const take = async (keyId: string, channel = todo) => {
    const taken = await Promise.all(rights.map((each) => each.take(keyId, channel)));
    expect(taken.map((right) => right?.over.aborted)).toEqual([false, false]);
    return taken as readonly ReadingRight[];
  };
  const over = (taken: readonly ReadingRight[]) =>
    Promise.all(taken.map((right) => right.over.aborted || once(right.over, "abort")));
  const none = async (keyId: string, channel = todo) =>
    expect(await Promise.all(rights.map((each) => each.take(keyId, channel)))).toEqual([
      undefined,
      undefined,
    ]);

  test("ends on every node when its key is revoked, and is not given again", async () => {
    const keyId = await newKey();
    const taken = await take(keyId);
    const theirs = await take(await newKey());
    await here.keys.revoke(keyId);
    await over(taken);
    await none(keyId);
    expect(theirs.map((right) => right.over.aborted)).toEqual([false, false]);
  });

  test("ends when its key loses the app, for that app alone; other changes of the key leave it", async () => {
    const keyId = await newKey();
    const [ending, staying] = [await take(keyId), await take(keyId, other)];
    await here.keys.update(keyId, { description: "changed", readOnly: false, apps: "all" });
    await here.keys.update(keyId, { apps: [other] });
    await over(ending);
    await none(keyId);
    await take(keyId, other);
    expect(staying.map((right) => right.over.aborted)).toEqual([false, false]);
  });

  test("ends when its key expires", async () => {
    const keyId = await newKey({ lifeMs: 86_400_000 });
    const taken = await take(keyId);
    await here.keys.update(keyId, { lifeMs: 1 });
    await over(taken);
    await none(keyId);
  });

  test("ends when its app is destroyed, the operator's too", async () => {
    const taken = [...(await take(await newKey())), ...(await take(operatorKeyId))];
    await here.apps.destroy(todo);
    await over(taken);
    await none(operatorKeyId);
  });

  test("is nobody's without a key or an app", async () => {
    await none(randomUUID());
    await none("../key/x");
    await none(operatorKeyId, randomUUID() as ChannelId);
    const [key] = [await here.keys.create({ apps: [other], readOnly: true, description: "" })];
    await none(key.record.id);
  });
});

describe("a right to read, by a clock that is held", () => {
  let clock: FakeClock;
  let registry: TestRegistry;
  let todo: ChannelId;
  beforeEach(async () => {
    clock = new FakeClock();
    registry = await TestRegistry.open({ clock });
    todo = (await registry.apps.create("todo")).id;
  });
  afterEach(() => registry.close());

  const dayMs = 86_400_000;

  test("lasts as long as its key, which may be given more or less time, or any", async () => {
    const rights = new ReadingRights(registry);
    const { record } = await registry.keys.create({
      apps: "all",
      readOnly: true,
      description: "",
      lifeMs: 60 * dayMs,
    });
    const right = (await rights.take(record.id, todo))!;
    await clock.advance(59 * dayMs);
    await registry.keys.update(record.id, { lifeMs: 2 * dayMs });
    await clock.advance(dayMs + dayMs / 2);
    await registry.keys.update(record.id, { lifeMs: null });
    await clock.advance(90 * dayMs);
    expect(right.over.aborted).toBe(false);
    await registry.keys.update(record.id, { lifeMs: 1_000 });
    await clock.advance(999);
    expect(right.over.aborted).toBe(false);
    await clock.advance(1_000);
    expect(right.over.aborted).toBe(true);
    await rights.close();
  });

  test("that was released waits for nothing any more", async () => {
    const rights = new ReadingRights(registry);
    const { record } = await registry.keys.create({
      apps: "all",
      readOnly: true,
      description: "",
      lifeMs: dayMs,
    });
    const before = clock.sleeping;
    const right = (await rights.take(record.id, todo))!;
    expect(clock.sleeping).toBe(before + 1);
    right.release();
    await settled();
    expect(clock.sleeping).toBe(before);
    await registry.keys.revoke(record.id);
    await settled();
    expect(right.over.aborted).toBe(false);
    await rights.close();
  });

  test("ends by the newest record, though an older one that was read arrives after it", async () => {
    const { store } = registry;
    const held: (() => void)[] = [];
    const late: Store = {
      get: async (key) => {
        const read = await store.get(key);
        if (key.startsWith(recordPrefixes.key)) await new Promise<void>((go) => held.push(go));
        return read as never;
      },
      put: (...args) => store.put(...args),
      list: (prefix) => store.list(prefix),
      watch: (prefix, signal) => store.watch(prefix, signal),
      close: async () => {},
    };
    const rights = new ReadingRights({ store: late, clock, keys: registry.keys });
    const { record } = await registry.keys.create({
      apps: "all",
      readOnly: true,
      description: "",
      lifeMs: dayMs,
    });
    const taking = rights.take(record.id, todo);
    await settled();
    await registry.keys.update(record.id, { lifeMs: 1_000 });
    await settled();
    expect(held.length).toBeGreaterThan(0);
    for (const go of held.splice(0)) go();
    const right = (await taking)!;
    expect(right.over.aborted).toBe(false);
    await clock.advance(1_001);
    expect(right.over.aborted).toBe(true);
    await rights.close();
  });

  test("that ended while no change was told ends when changes are told again, however long the store fails", async () => {
    const { store } = registry;
    let cut = new AbortController();
    let refusals = 0;
    const failing: Store = {
      get: (key) => (refusals-- > 0 ? Promise.reject(new Error("away")) : store.get(key)),
      put: (...args) => store.put(...args),
      list: (prefix) => store.list(prefix),
      async *watch<Value>(prefix: string, signal: AbortSignal): AsyncGenerator<StoreChange<Value> | "ready"> {
        yield* store.watch<Value>(prefix, AbortSignal.any([signal, cut.signal]));
        if (!signal.aborted) throw new Error("away");
      },
      close: async () => {},
    };
    const rights = new ReadingRights({ store: failing, clock, keys: registry.keys });
    await settled();
    const { record } = await registry.keys.create({ apps: "all", readOnly: true, description: "" });
    const right = (await rights.take(record.id, todo))!;
    cut.abort();
    await settled();
    await registry.keys.revoke(record.id);
    await settled();
    expect(right.over.aborted).toBe(false);
    cut = new AbortController();
    refusals = 5;
    await clock.advance(10_000);
    expect(right.over.aborted).toBe(true);
    await rights.close();
  });

  test("is refused to one whose store cannot be read, and keeps nothing of it", async () => {
    const broken = {
      ...registry,
      store: {
        ...registry.store,
        watch: async function* () {},
        get: () => Promise.reject(new Error("away")),
      },
    };
    const rights = new ReadingRights({ ...broken, keys: registry.keys } as never);
    await expect(rights.take(operatorKeyId, todo)).rejects.toThrow("away");
    await rights.close();
  });
});
