/** The contract that every engine's store keeps. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Engine } from "../../src/engines/engine.ts";
import type { Store, StoreChange } from "../../src/ports.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { until } from "../support/until.ts";
import { keepsAll, type OpenEngine } from "./channel-log.ts";

/** Runs the contract; `open` gives an empty engine each time. */
export function storeContract(name: string, open: OpenEngine): void {
  describe(`Store: ${name}`, () => {
    let engine: Engine;
    let store: Store;
    let stop: AbortController;

    const put = async (key: string, value: unknown) =>
      store.put(key, value, (await store.get(key))?.revision ?? 0);
    const list = async (prefix: string) => {
      const keys: string[] = [];
      for await (const { key } of store.list(prefix)) keys.push(key);
      return keys;
    };
    /** Collects what a watch reports in an array. */
    const watch = (prefix: string) => {
      const seen: (StoreChange | "ready")[] = [];
      const ended = (async () => {
        for await (const change of store.watch(prefix, stop.signal)) seen.push(change);
      })();
      return { seen, ended };
    };

    beforeEach(async () => {
      stop = new AbortController();
      engine = await open({ clock: new FakeClock(), retention: keepsAll });
      store = engine.store;
    });
    afterEach(async () => {
      stop.abort();
      await engine.close();
    });

    test("a record comes back as it was put, with its revision", async () => {
      const value = { name: "todo", list: [1, null, "é"], nested: { yes: true } };
      const revision = await store.put("app/1", value, 0);
      expect(revision).toBeGreaterThan(0);
      expect(await store.get("app/1")).toEqual({ key: "app/1", value, revision });
      expect(await store.get("app/2")).toBeUndefined();
    });

    test("changing what was given or got changes no record", async () => {
      const value = { list: [1] };
      await store.put("app/1", value, 0);
      value.list.push(2);
      const got = await store.get<typeof value>("app/1");
      got?.value.list.push(3);
      expect((await store.get("app/1"))?.value).toEqual({ list: [1] });
    });

    test("a put with an old revision changes nothing", async () => {
      const first = (await store.put("app/1", "a", 0))!;
      expect(await store.put("app/1", "b", 0)).toBeUndefined();
      const second = (await store.put("app/1", "b", first))!;
      expect(second).toBeGreaterThan(first);
      expect(await store.put("app/1", "c", first)).toBeUndefined();
      expect(await store.put("app/2", "c", 1)).toBeUndefined();
      expect((await store.get("app/1"))?.value).toBe("b");
    });

    test("of many puts at once with one revision exactly one is taken", async () => {
      const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => store.put("app/1", i, 0)));
      expect(answers.filter((revision) => revision !== undefined)).toHaveLength(1);
      expect(
        await store.put("app/1", "next", answers.find((revision) => revision !== undefined)!),
      ).toBeDefined();
    });

    test("a removed record is absent, and its old revisions stay old when the key comes back", async () => {
      const first = (await store.put("app/1", "a", 0))!;
      expect(await store.put("app/1", undefined, first - 1)).toBeUndefined();
      expect(await store.put("app/1", undefined, first)).toBeGreaterThan(first);
      expect(await store.get("app/1")).toBeUndefined();
      expect(await store.put("app/1", "b", first)).toBeUndefined();
      expect(await store.put("app/1", "b", 0)).toBeGreaterThan(first);
    });

    test("removing what is absent is fine", async () => {
      expect(await store.put("app/1", undefined, 0)).toBe(0);
    });

    test("list gives the records under a prefix in the order of their keys", async () => {
      for (const key of ["app/b", "app/a", "app/a-b", "apple", "token/1", "app/B", "app/a/c"])
        await put(key, 1);
      expect(await list("app/")).toEqual(["app/B", "app/a", "app/a-b", "app/a/c", "app/b"]);
      expect(await list("")).toHaveLength(7);
      expect(await list("none/")).toEqual([]);
    });

    test("list goes through more records than one look", async () => {
      const keys = Array.from({ length: 700 }, (_, i) => `many/${String(i).padStart(4, "0")}`);
      await Promise.all(keys.map((key) => store.put(key, key, 0)));
      expect(await list("many/")).toEqual(keys);
    });

    test("a large record is kept whole", async () => {
      const value = "x".repeat(500_000);
      await store.put("app/1", value, 0);
      expect((await store.get("app/1"))?.value).toBe(value);
    });

    test("watch gives what is there, then ready, then each change in order", async () => {
      await put("drain/1", "a");
      await put("app/1", "not watched");
      const { seen } = watch("drain/");
      await until(() => seen.includes("ready"));
      expect(seen).toMatchObject([{ key: "drain/1", value: "a" }, "ready"]);
      await put("drain/2", "b");
      await put("drain/1", "c");
      await put("app/1", "still not");
      await put("drain/1", undefined);
      await until(() => seen.length === 5);
      expect(seen.slice(2)).toMatchObject([
        { key: "drain/2", value: "b" },
        { key: "drain/1", value: "c" },
        { key: "drain/1", value: undefined },
      ]);
    });

    test("a watcher never goes back: what it has of each key at last is the newest", async () => {
      const keys = Array.from({ length: 300 }, (_, i) => `k/${i}`);
      await Promise.all(keys.map((key) => store.put(key, 0, 0)));
      const { seen } = watch("k/");
      for (let round = 1; round <= 3; round++) await Promise.all(keys.map((key) => put(key, round)));
      await until(() => {
        const last = new Map(seen.flatMap((c) => (c === "ready" ? [] : [[c.key, c.value] as const])));
        return last.size === keys.length && [...last.values()].every((value) => value === 3);
      });
      const revisions = new Map<string, number>();
      for (const change of seen) {
        if (change === "ready") continue;
        expect(change.revision).toBeGreaterThanOrEqual(revisions.get(change.key) ?? 0);
        revisions.set(change.key, change.revision);
      }
    });

    test("a watcher ends with its signal, and with the store", async () => {
      const first = watch("a/");
      await until(() => first.seen.includes("ready"));
      stop.abort();
      await first.ended;
      stop = new AbortController();
      const second = watch("a/");
      await until(() => second.seen.includes("ready"));
      await store.close();
      await second.ended;
      await store.close();
    });
  });
}
