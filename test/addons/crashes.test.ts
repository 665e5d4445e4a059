/** A crash at each write of the records while an add-on is made: the next start removes all of it. */
import { rmSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readManifests } from "../../src/addons/manifest.ts";
import { openMemory } from "../../src/engines/memory.ts";
import type { Store, StoreRecord } from "../../src/ports.ts";
import { AddonProvider } from "../support/addon-provider.ts";
import { ControlServer, keepsAll, TestRegistry } from "../support/control-server.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { until } from "../support/until.ts";

const clock = new FakeClock();
const user = { id: "01234567-89ab-4cde-8f01-23456789abcd", email: "operator@localhost" };
const places = {
  callbackUrl: (id: string) => `http://here/${id}`,
  inputUrl: () => "http://token:x@here/logs",
};
const wanted = { service: "both", plan: "x", name: undefined, options: {} };

/** Stops answering puts after the first `putsLeft`, as a process that is killed does. */
class DyingStore implements Store {
  readonly #store: Store;
  putsLeft = Number.POSITIVE_INFINITY;
  isDead = false;

  constructor(store: Store) {
    this.#store = store;
  }

  get<Value>(key: string): Promise<StoreRecord<Value> | undefined> {
    return this.#store.get<Value>(key);
  }

  put(key: string, value: unknown, revision: number): Promise<number | undefined> {
    if (this.putsLeft-- > 0) return this.#store.put(key, value, revision);
    this.isDead = true;
    return new Promise(() => {});
  }

  list<Value>(prefix: string) {
    return this.#store.list<Value>(prefix);
  }

  watch<Value>(prefix: string, signal: AbortSignal) {
    return this.#store.watch<Value>(prefix, signal);
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}

let provider: AddonProvider;
let folder: string;
beforeAll(async () => {
  provider = await AddonProvider.open();
  provider.usual = ({ method }) =>
    method === "DELETE" ? { status: 204 } : { status: 200, body: { id: "1", config: { BOTH_URL: "x" } } };
  folder = provider.manifests({ both: ["syslog_drain", "BOTH_URL"] });
});
afterAll(() => {
  provider.close();
  rmSync(folder, { recursive: true });
});

/** Keys of all records but those that may stay: names go to whoever asks for them next, releases are the app's, lists are empty. */
async function keysIn(store: Store): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key, value } of store.list<{ claims?: unknown[] }>(""))
    if (!/^(addon-name|platform|setting)\//.test(key) && value.claims?.length !== 0) keys.push(key);
  return keys.sort();
}

test("whatever write it happens at, nothing of the add-on is left, at its provider neither", async () => {
  const engine = await openMemory({ clock, retention: keepsAll });
  const store = new DyingStore(engine.store);
  const registry = await TestRegistry.open({ clock, engine, store });
  const manifests = readManifests(folder);
  const both = manifests.get("both")!;
  const server = await ControlServer.open({
    registry,
    manifests: new Map([["both", { ...both, requires: ["syslog_drain", "log_input"] }]]),
  });
  const app = await registry.apps.create("shop");
  const before = await keysIn(store);
  let isMade = false;
  let crashes = 0;
  for (; !isMade; crashes++) {
    store.putsLeft = crashes;
    store.isDead = false;
    provider.calls.length = 0;
    void server.addons.create(app, wanted, user, places).then(() => (isMade = true));
    await until(() => isMade || store.isDead);
    store.putsLeft = Number.POSITIVE_INFINITY;
    if (isMade) break;
    await clock.advance(61_000);
    await server.addons.undoHalfMade();
    const config = (await server.call("GET", "/apps/shop/config-vars")).json;
    const tokens = (await registry.tokens.list(app.id)).map(({ source }) => source);
    expect({ crashes, keys: await keysIn(store), config, tokens }).toEqual({
      ...{ crashes, keys: before, config: {}, tokens: ["app", "heroku"] },
    });
    const methods = provider.calls.map(({ method }) => method);
    if (methods.includes("POST")) expect(methods.at(-1)).toBe("DELETE");
  }
  expect(crashes).toBeGreaterThan(8);
  await server.close();
});
