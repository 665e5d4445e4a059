import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { isAppName, randomAppName } from "../../src/registry/app-name.ts";
import { TestRegistry } from "../support/control-server.ts";
import { Crash, crashAfter, keysIn } from "./crashing-store.ts";

let registry: TestRegistry;
beforeEach(async () => {
  registry = await TestRegistry.open();
});
afterEach(() => registry.close());

/** Nodes that die after 0, 1, 2 … writes of `work`, up to one that lives; after each one `check` is asked. */
async function atEveryCrash(
  prepare: (whole: TestRegistry) => Promise<void>,
  work: (dying: TestRegistry) => Promise<unknown>,
  check: (whole: TestRegistry, writes: number) => Promise<void>,
): Promise<number> {
  for (let writes = 0; ; writes++) {
    const whole = await TestRegistry.open();
    await prepare(whole);
    const store = crashAfter(whole.engine.store, writes);
    const dying = await TestRegistry.open({ engine: whole.engine, store });
    await work(dying).catch((failure) => expect(failure).toBeInstanceOf(Crash));
    const { crashed } = store;
    await check(whole, writes);
    await dying.tokens.close();
    await dying.keys.close();
    await whole.close();
    if (!crashed) return writes;
  }
}

describe("names", () => {
  test.each(["a", "todo", "a-1", "x".repeat(63), "a--b", "a-"])("%s is a name", (name) => {
    expect(isAppName(name)).toBe(true);
  });
  test.each([
    "",
    "1a",
    "-a",
    "A",
    "a_b",
    "a.b",
    "a/b",
    "ä",
    "x".repeat(64),
    "abcdef12-1234-4234-8234-123456789abc",
    "a\n",
  ])("%j is none", (name) => {
    expect(isAppName(name)).toBe(false);
  });
  test("one that is made up is a name like quiet-river-12345", () => {
    for (let n = 0; n < 200; n++) {
      const name = randomAppName();
      expect(name).toMatch(/^[a-z]+-[a-z]+-\d{5}$/);
      expect(isAppName(name)).toBe(true);
    }
  });
});

test("an app is found by its name and by its id", async () => {
  const app = await registry.apps.create("todo");
  expect(await registry.apps.get("todo")).toEqual(app);
  expect(await registry.apps.get(app.id)).toEqual(app);
  expect(await registry.apps.get("other")).toBeUndefined();
  expect(await registry.apps.get("../app/x")).toBeUndefined();
});

test("a new app has the tokens app and heroku", async () => {
  const app = await registry.apps.create();
  expect((await registry.tokens.list(app.id)).map(({ source }) => source)).toEqual(["app", "heroku"]);
});

test("of many who want one name at the same time exactly one gets it", async () => {
  const other = await TestRegistry.open({ engine: registry.engine });
  const tries = Array.from({ length: 8 }, (_, n) => (n % 2 ? registry : other).apps.create("todo"));
  const results = await Promise.allSettled(tries);
  const made = results.filter((result) => result.status === "fulfilled");
  const refused = results.filter((result) => result.status === "rejected");
  expect(made).toHaveLength(1);
  expect(new Set(refused.map(({ reason }) => reason.code))).toEqual(new Set(["APP_NAME_TAKEN"]));
  expect(await registry.apps.list()).toEqual([made[0]!.value]);
  await other.tokens.close();
  await other.keys.close();
});

test("a name whose app was half made when the node died can be had by the next who asks", async () => {
  const crashes = await atEveryCrash(
    async () => {},
    (dying) => dying.apps.create("todo"),
    async (whole, writes) => {
      const before = await whole.apps.get("todo");
      if (before === undefined) await whole.apps.create("todo");
      const app = (await whole.apps.get("todo"))!;
      const sources = (await whole.tokens.list(app.id)).map(({ source }) => source);
      expect(new Set(sources), `after ${writes} writes`).toEqual(new Set(["app", "heroku"]));
      await whole.apps.destroy(app.id);
      expect(await keysIn(whole.store), `after ${writes} writes`).toEqual([]);
    },
  );
  expect(crashes).toBeGreaterThan(4);
});

test("an app that was half destroyed when the node died is gone for everybody, and the next start removes the rest", async () => {
  const crashes = await atEveryCrash(
    async (whole) => {
      const app = await whole.apps.create("todo");
      await whole.drains.create(app.id, { url: "https://example.com/a" });
      await whole.drains.create(app.id, { url: "https://example.com/b" });
      await whole.write(app.id, 3);
    },
    async (dying) => dying.apps.destroy((await dying.apps.get("todo"))!.id),
    async (whole, writes) => {
      if (writes > 0) expect(await whole.apps.get("todo")).toBeUndefined();
      if (writes > 0) expect(await whole.apps.list()).toEqual([]);
      await whole.apps.finishDestroying();
      if (writes > 0) expect(await keysIn(whole.store), `after ${writes} writes`).toEqual([]);
    },
  );
  expect(crashes).toBeGreaterThan(8);
});

test("the name of a half destroyed app can be had at once, under another id, without its lines", async () => {
  const app = await registry.apps.create("todo");
  await registry.write(app.id, 3);
  const store = crashAfter(registry.engine.store, 1);
  const dying = await TestRegistry.open({ engine: registry.engine, store });
  await expect(dying.apps.destroy(app.id)).rejects.toThrow(Crash);
  const again = await registry.apps.create("todo");
  expect(again.id).not.toBe(app.id);
  expect((await registry.log.recent(app.id, 10)).batches).toEqual([]);
  await dying.tokens.close();
  await dying.keys.close();
});

test("a destroyed app takes its tokens, drains and lines with it", async () => {
  const app = await registry.apps.create("todo");
  const [token] = await registry.tokens.list(app.id);
  await registry.drains.create(app.id, { url: "https://example.com/" });
  await registry.write(app.id, 3);
  await registry.apps.destroy(app.id);
  expect(await registry.tokens.find(token!.token)).toBeUndefined();
  expect(await registry.drains.list(app.id)).toEqual([]);
  expect((await registry.log.recent(app.id, 10)).batches).toEqual([]);
  expect(await keysIn(registry.store)).toEqual([]);
  await registry.apps.destroy(app.id);
});

test("a token or drain made while the app is destroyed does not outlive it", async () => {
  for (let round = 0; round < 10; round++) {
    const app = await registry.apps.create("todo");
    await Promise.allSettled([
      registry.apps.destroy(app.id),
      registry.tokens.create(app.id, "late"),
      registry.drains.create(app.id, { url: "https://example.com/late" }),
    ]);
    expect(await keysIn(registry.store)).toEqual([]);
  }
});
