/** Whatever is made at the same time, on however many nodes: never more than there may be, and all that there may be. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AppError } from "../../src/errors/app-error.ts";
import type { Store } from "../../src/ports.ts";
import { Claims } from "../../src/registry/claims.ts";
import { drainsMax, reservedMax } from "../../src/registry/drain-claims.ts";
import { tokensMax } from "../../src/registry/tokens.ts";
import { TestRegistry } from "../support/control-server.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { engines, type Nodes } from "./nodes.ts";

/** What came of many attempts at once: how many were done, and the codes of those that were refused. */
async function outcomeOf(attempts: readonly Promise<unknown>[]) {
  const settled = await Promise.allSettled(attempts);
  const refused = settled.filter((one) => one.status === "rejected").map(({ reason }) => reason as AppError);
  return { done: settled.length - refused.length, codes: [...new Set(refused.map(({ code }) => code))] };
}

describe.each(Object.entries(engines))("over %s", (_, open) => {
  let opened: Nodes;
  let nodes: Nodes["nodes"];
  let names = 0;
  beforeAll(async () => {
    opened = await open();
    nodes = opened.nodes;
  });
  afterAll(() => opened.close());

  const newApp = async () => (await nodes[0].apps.create(`app-${names++}`)).id;
  const atOnce = (count: number, make: (node: TestRegistry, n: number) => Promise<unknown>) =>
    outcomeOf(Array.from({ length: count }, (_, n) => make(nodes[n % 2]!, n)));

  test("an app has no more tokens than it may, and each that it may", async () => {
    const app = await newApp();
    const outcome = await atOnce(tokensMax + 30, (node) => node.tokens.create(app, "more"));
    expect(outcome).toEqual({ done: tokensMax - 2, codes: ["TOKEN_LIMIT"] });
    const tokens = await nodes[1].tokens.list(app);
    expect(tokens).toHaveLength(tokensMax);

    const gone = tokens.slice(0, 7);
    await Promise.all(gone.map(({ token }, n) => nodes[n % 2]!.tokens.revoke(token)));
    expect(await atOnce(12, (node) => node.tokens.create(app, "again"))).toEqual({
      done: 7,
      codes: ["TOKEN_LIMIT"],
    });
    expect(await nodes[0].tokens.list(app)).toHaveLength(tokensMax);
  });

  test("an app has no more drains and reservations than it may, and each that it may", async () => {
    const app = await newApp();
    const drains = await atOnce(drainsMax + 9, (node, n) =>
      node.drains.create(app, { url: `https://example.com/${n}` }),
    );
    expect(drains).toEqual({ done: drainsMax, codes: ["DRAIN_LIMIT"] });
    expect(await nodes[1].drains.list(app)).toHaveLength(drainsMax);
    expect(await atOnce(reservedMax + 9, (node) => node.drains.reserve(app))).toEqual({
      done: reservedMax,
      codes: ["DRAIN_LIMIT"],
    });
  });

  test("one of many drains with one URL is made, and one of many apps with one name", async () => {
    const app = await newApp();
    const url = "https://example.com/same";
    expect(await atOnce(20, (node) => node.drains.create(app, { url }))).toEqual({
      done: 1,
      codes: ["DRAIN_REPEATED"],
    });
    expect(await atOnce(20, (node) => node.apps.create(`same-${names}`))).toEqual({
      done: 1,
      codes: ["APP_NAME_TAKEN"],
    });
  });

  test("many keys made and revoked at once are all there, or gone", async () => {
    const wanted = { apps: "all", readOnly: false, description: "" } as const;
    const made = await Promise.all(Array.from({ length: 40 }, (_, n) => nodes[n % 2]!.keys.create(wanted)));
    await Promise.all(made.slice(20).map(({ record }, n) => nodes[n % 2]!.keys.revoke(record.id)));
    expect((await nodes[1].keys.list()).map(({ id }) => id).sort()).toEqual(
      made
        .slice(0, 20)
        .map(({ record }) => record.id)
        .sort(),
    );
    for (const { secret } of made.slice(0, 20))
      expect(await nodes[0].keys.authenticate(secret)).toBeDefined();
    for (const { secret } of made.slice(20)) expect(await nodes[0].keys.authenticate(secret)).toBeUndefined();
  });
});

describe("claims", () => {
  class Full extends Error {}
  const list = "list/one";
  const claimsOver = (store: Store, clock: FakeClock, there: ReadonlySet<string>, claimsMax: number) =>
    new Claims({
      store,
      clock,
      claimsMax,
      present: async (ids) => new Set(ids.filter((id) => there.has(id))),
      full: () => new Full(),
    });
  // What is claimed at once by several nodes over a store that lets others in between at each step.
  const interleaved = (store: Store): Store => ({
    get: async (key) => {
      await new Promise(setImmediate);
      return store.get(key);
    },
    put: async (...args) => {
      await new Promise(setImmediate);
      return store.put(...args);
    },
    list: (prefix) => store.list(prefix),
    watch: (prefix, signal) => store.watch(prefix, signal),
    close: async () => {},
  });

  test("never exceed their places and use each of them, in any order of claims, drops and crashes", async () => {
    const step = fc.record({
      claims: fc.nat({ max: 12 }),
      crashes: fc.nat({ max: 4 }),
      drops: fc.nat({ max: 6 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 9 }),
        fc.array(step, { minLength: 1, maxLength: 6 }),
        async (max, steps) => {
          const registry = await TestRegistry.open();
          const clock = new FakeClock();
          const there = new Set<string>();
          const nodes = [0, 1, 2].map(() => claimsOver(interleaved(registry.store), clock, there, max));
          let id = 0;
          for (const { claims, crashes, drops } of steps) {
            const free = max - there.size;
            const outcomes = await Promise.allSettled(
              Array.from({ length: claims + crashes }, async (_, n) => {
                const node = nodes[n % nodes.length]!;
                const own = `thing-${id++}`;
                await node.claim(list, own);
                if (n < crashes) return; // its maker dies here
                there.add(own);
                expect(there.size).toBeLessThanOrEqual(max);
                expect(await node.confirm(list, own)).toBe(true);
              }),
            );
            const refused = outcomes.flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
            for (const reason of refused) expect(reason).toBeInstanceOf(Full);
            expect(outcomes.length - refused.length).toBe(Math.min(free, claims + crashes));
            await clock.advance(61_000); // what crashed is dead for everybody
            const leaving = [...there].slice(0, drops);
            await Promise.all(
              leaving.map(async (own, n) => {
                there.delete(own);
                await nodes[n % nodes.length]!.drop(list, own);
              }),
            );
            expect(new Set(await nodes[0]!.ids(list)).size).toBeLessThanOrEqual(max);
          }
          await registry.close();
        },
      ),
      { numRuns: 60 },
    );
  });

  test("of a full list are not looked through again at once, however many ask", async () => {
    const registry = await TestRegistry.open();
    const clock = new FakeClock();
    let looks = 0;
    const claims = new Claims({
      store: registry.store,
      clock,
      claimsMax: 1,
      present: async (ids) => {
        looks++;
        return new Set(ids);
      },
      full: () => new Full(),
    });
    await claims.claim(list, "one");
    for (let n = 0; n < 20; n++) await expect(claims.claim(list, "more")).rejects.toThrow(Full);
    expect(looks).toBe(1);
    await clock.advance(1_000);
    await expect(claims.claim(list, "more")).rejects.toThrow(Full);
    expect(looks).toBe(2);
    await claims.drop(list, "one");
    await claims.claim(list, "more");
    await registry.close();
  });

  test("of a maker that stood still for too long are given up, and it is told so", async () => {
    const registry = await TestRegistry.open();
    const clock = new FakeClock();
    const claims = claimsOver(registry.store, clock, new Set(["other"]), 1);
    await claims.claim(list, "slow");
    await expect(claims.claim(list, "other")).rejects.toThrow(Full);
    await clock.advance(60_000);
    await claims.claim(list, "other");
    expect(await claims.confirm(list, "other")).toBe(true);
    expect(await claims.confirm(list, "slow")).toBe(false);
    expect(await claims.ids(list)).toEqual(["other"]);
    await registry.close();
  });
});
