/** A damaged record costs what it is about and nothing else: it is told once, left out or refused, and never a crash. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import * as keys from "../../src/core/records/record-keys.ts";
import type { Store } from "../../src/ports.ts";
import { CheckedStore, revisionOf } from "../../src/registry/checked-store.ts";
import { DrainTokens } from "../../src/registry/drain-tokens.ts";
import { ReadingRights } from "../../src/registry/reading-rights.ts";
import type { AppRecord } from "../../src/registry/records.ts";
import { hashOf } from "../../src/registry/secrets.ts";
import { replaceRecord } from "../../src/registry/update.ts";
import { Turns, turnMsMax } from "../../src/turns.ts";
import { TestRegistry } from "../support/control-server.ts";

const error = vi.fn();
const hidden = "hush-hush";
const damaged = { version: 9, secret: hidden };
const unreadable = { code: "RECORD_UNREADABLE", status: 500 };
const nobody = "33333333-3333-4333-8333-333333333333";

let raw: Store;
let registry: TestRegistry;
let app: AppRecord;

beforeEach(async () => {
  error.mockClear();
  const bare = await TestRegistry.open();
  raw = bare.store;
  registry = await TestRegistry.open({
    engine: bare.engine,
    store: new CheckedStore(raw, { error } as never),
  });
  app = await registry.apps.create("todo");
});

afterEach(async () => {
  for (const [fields, text] of error.mock.calls) expect(JSON.stringify([fields, text])).not.toContain(hidden);
  await registry.close();
});

const damage = (key: string, value: unknown = damaged) => replaceRecord(raw, key, value);
const loggedKeys = () => error.mock.calls.map(([fields]) => fields.key);
const drainOf = (url: string) => registry.drains.create(app.id, { url });

test("a record is told once for each time that it was written, with its key", async () => {
  const key = keys.appKey(app.id);
  await damage(key);
  for (let i = 0; i < 3; i++) await expect(registry.apps.get("todo")).rejects.toMatchObject(unreadable);
  expect(loggedKeys()).toEqual([key]);
  expect(error.mock.calls[0]![1]).toContain("version 9");
  await damage(key, { ...app, name: 5 });
  await expect(registry.apps.get("todo")).rejects.toThrow("`name` is no text");
  expect(loggedKeys()).toEqual([key, key]);
});

test("what it wrote it reads: nothing is told", async () => {
  const { token } = await registry.tokens.create(app.id, "worker");
  await registry.keys.create({ apps: [app.id], readOnly: true, description: "", lifeMs: 60_000 });
  const drain = await drainOf("https://example.com/");
  await registry.drains.keepTest(drain, { kind: "delivered" });
  await registry.drains.replay(drain, "10m");
  await registry.drains.reserve(app.id);
  expect(await registry.tokens.find(token)).toBeDefined();
  for await (const _ of registry.store.list(""));
  await registry.drains.view(drain);
  await registry.apps.destroy(app.id);
  expect(error).not.toHaveBeenCalled();
});

describe("an unreadable", () => {
  test("app is left out of the list, and the start of a server goes on without it", async () => {
    const other = await registry.apps.create("other");
    await damage(keys.appKey(app.id));
    expect((await registry.apps.list()).map(({ name }) => name)).toEqual(["other"]);
    await damage(keys.appKey(other.id), { ...other, destroying: true });
    await damage(keys.drainClaimsKey(other.id));
    await registry.apps.finishDestroying();
    expect(loggedKeys()).toContain(keys.drainClaimsKey(other.id));
  });

  test("token is refused, left out of the list, counted, and can be revoked with its app", async () => {
    const { token } = await registry.tokens.create(app.id, "worker");
    const key = keys.tokenKey(hashOf(token));
    await vi.waitFor(async () => {
      await registry.tokens.find(token);
      expect(registry.tokens.peek(token)).not.toBeUndefined();
    });
    await damage(key);
    await vi.waitFor(() => expect(registry.tokens.peek(token)).toBeUndefined());
    await expect(registry.tokens.find(token)).rejects.toMatchObject(unreadable);
    expect((await registry.tokens.list(app.id)).map(({ source }) => source)).toEqual(["app", "heroku"]);
    await registry.apps.destroy(app.id);
    expect(await revisionOf(raw, key)).toBe(0);
  });

  test("key is nobody's, left out of the list, and its rights to read end", async () => {
    const { secret, record } = await registry.keys.create({ apps: "all", readOnly: true, description: "" });
    const { store, clock } = registry;
    const rights = new ReadingRights({ store, clock, keys: registry.keys });
    const right = (await rights.take(record.id, app.id))!;
    await damage(keys.apiKeyKey(hashOf(secret)), { ...record, apps: 3 });
    await vi.waitFor(() => expect(right.over.aborted).toBe(true));
    await expect(registry.keys.authenticate(secret)).rejects.toMatchObject(unreadable);
    await expect(rights.take(record.id, app.id)).rejects.toMatchObject(unreadable);
    expect(await registry.keys.list()).toEqual([]);
    await rights.close();
  });

  test("list of keys does not stop a start, and refuses a new key", async () => {
    await damage(keys.recordPrefixes.keyClaims);
    await registry.keys.adoptOlder();
    const wanted = { apps: "all", readOnly: true, description: "" } as const;
    await expect(registry.keys.create(wanted)).rejects.toMatchObject(unreadable);
  });

  test("drain is left out of the list and refused by its id; its neighbours are served", async () => {
    const drain = await drainOf("https://one.example/");
    const other = await drainOf("https://two.example/");
    await damage(keys.drainKey(drain.id), { ...drain, paused: "no", secret: hidden });
    expect((await registry.drains.list(app.id)).map(({ id }) => id)).toEqual([other.id]);
    await expect(registry.drains.get(app.id, drain.id)).rejects.toThrow("`paused` is no true or false");
    expect(await registry.drains.get(app.id, nobody)).toBeUndefined();
    await drainOf("https://three.example/");
    await registry.apps.destroy(app.id);
    expect(await revisionOf(raw, keys.drainKey(drain.id))).toBe(0);
  });

  test("drain is refused by its URL too, and its owner can remove it by either, and nothing of it stays", async () => {
    for (const by of ["id", "url"] as const) {
      const drain = await drainOf("https://one.example");
      await damage(keys.drainKey(drain.id));
      await damage(keys.checkpointKey(drain.id));
      await expect(registry.drains.get(app.id, "https://one.example/")).rejects.toMatchObject(unreadable);
      const other = await registry.apps.create(`other-${by}`);
      expect(await registry.drains.removeUnreadable(other.id, drain[by]!)).toBeUndefined();
      const removed = await registry.drains.removeUnreadable(app.id, drain[by]!);
      expect(removed).toMatchObject({ id: drain.id, url: "https://one.example/" });
      for (const key of [keys.drainKey(drain.id), keys.checkpointKey(drain.id)])
        expect(await revisionOf(raw, key)).toBe(0);
      expect(await registry.drains.get(app.id, drain.id)).toBeUndefined();
    }
    const well = await drainOf("https://one.example/");
    expect(await registry.drains.removeUnreadable(app.id, well.id)).toBeUndefined();
    expect(await registry.drains.get(app.id, well.id)).toEqual(well);
  });

  test("drain's token is known to nobody any more", async () => {
    const { store, clock } = registry;
    const tokens = new DrainTokens({ store, clock });
    const drain = await drainOf("https://one.example/");
    await vi.waitFor(() => expect(tokens.channelOf(drain.token)).toBe(app.id));
    await damage(keys.drainKey(drain.id));
    await vi.waitFor(() => expect(tokens.channelOf(drain.token)).toBeUndefined());
    await tokens.close();
  });

  test("result of a test is as if there were none, and the next one takes its place", async () => {
    const drain = await drainOf("https://one.example/");
    await damage(keys.drainTestKey(drain.id));
    expect((await registry.drains.view(drain)).lastTest).toBeUndefined();
    await registry.drains.keepTest(drain, { kind: "delivered" });
    expect((await registry.drains.view(drain)).lastTest).toMatchObject({ kind: "delivered" });
  });

  test("number of drains refuses a new drain, and nothing of it stays", async () => {
    await damage(keys.recordPrefixes.drainNumber);
    await expect(drainOf("https://one.example/")).rejects.toMatchObject(unreadable);
    expect(await registry.drains.list(app.id)).toEqual([]);
  });
});

test("a list of many records is read in turns of the event loop", async () => {
  for (let n = 0; n < 60; n++)
    await replaceRecord(raw, `addons/${"0".repeat(4)}${n}`, { version: 1, addons: [] });
  const store = new CheckedStore(raw, { error } as never);
  let nowMs = 0;
  let turn = 0;
  const turnOf: number[] = [];
  await new Promise(setImmediate); // no turn of real time goes on
  vi.spyOn(performance, "now").mockImplementation(() => nowMs);
  let counting = setImmediate(function count() {
    turn++;
    counting = setImmediate(count);
  });
  for await (const record of store.list("addons/")) {
    expect(record).toBeDefined();
    turnOf.push(turn);
    nowMs += 0.5; // for checking it, and for what the reader does with it
  }
  clearImmediate(counting);
  vi.restoreAllMocks();
  expect(turnOf).toHaveLength(60);
  const most = Math.max(...turnOf.map((each) => turnOf.filter((other) => other === each).length));
  expect(most).toBeLessThanOrEqual(2 * turnMsMax + 1);
});

test("a record that changes while a list waits for its turn is listed as it is then", async () => {
  const store = new CheckedStore(raw, { error } as never);
  const other = await registry.apps.create("zoo");
  let changes = 0;
  vi.spyOn(Turns.prototype, "isOver", "get").mockReturnValue(true);
  vi.spyOn(Turns.prototype, "next").mockImplementation(async () => {
    for (const each of [app, other])
      await replaceRecord(raw, keys.appKey(each.id), { ...each, name: `changed${++changes}` });
  });
  try {
    for await (const { key, value } of store.list<AppRecord>("app/"))
      expect(value).toEqual((await raw.get(key))?.value);
  } finally {
    vi.restoreAllMocks();
  }
  expect(changes).toBeGreaterThan(0);
});
