import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { keysMax, operatorKeyId } from "../../src/registry/keys.ts";
import type { KeyRecord } from "../../src/registry/records.ts";
import { hashOf } from "../../src/registry/secrets.ts";
import { tokensMax } from "../../src/registry/tokens.ts";
import { operatorSecret, TestRegistry } from "../support/control-server.ts";
import { FakeClock } from "../support/fake-clock.ts";

let registry: TestRegistry;
let other: TestRegistry;
const everything = { apps: "all", readOnly: false, description: "" } as const;
beforeEach(async () => {
  registry = await TestRegistry.open();
  other = await TestRegistry.open({ engine: registry.engine });
});
afterEach(async () => {
  await other.tokens.close();
  await other.keys.close();
  await registry.close();
});

test("a token that was looked for once is at hand without waiting, an unknown one too", async () => {
  const app = await registry.apps.create("todo");
  const { token } = await registry.tokens.create(app.id, "worker");
  await vi.waitFor(async () => {
    expect((await registry.tokens.find(token))?.channel).toBe(app.id);
    expect(registry.tokens.peek(token)?.source).toBe("worker");
  });
  expect(registry.tokens.peek("t.unknown")).toBeUndefined();
  expect(await registry.tokens.find("t.unknown")).toBeUndefined();
  expect(registry.tokens.peek("t.unknown")).toBeNull();
});

test("a revoked token is unknown at once here, and soon on another node that had it at hand", async () => {
  const app = await registry.apps.create("todo");
  const { token } = await registry.tokens.create(app.id, "worker");
  await vi.waitFor(async () => {
    await other.tokens.find(token);
    expect(other.tokens.peek(token)).not.toBeUndefined();
  });
  expect(await registry.tokens.revoke(token)).toBe(true);
  expect(await registry.tokens.find(token)).toBeUndefined();
  await vi.waitFor(() => expect(other.tokens.peek(token)).toBeNull());
  expect(await registry.tokens.revoke(token)).toBe(false);
});

test("what is at hand of a token holds for a version, which ends with it on every node, and with the watch", async () => {
  const app = await registry.apps.create("todo");
  const { token } = await registry.tokens.create(app.id, "worker");
  const versions = await Promise.all(
    [registry.tokens, other.tokens].map(async (tokens) => {
      await vi.waitFor(async () => {
        await tokens.find(token);
        expect(tokens.peek(token)).not.toBeUndefined();
      });
      const { version } = tokens;
      expect(tokens.version).toBe(version);
      return version;
    }),
  );
  await registry.tokens.revoke(token);
  expect(registry.tokens.version).not.toBe(versions[0]);
  await vi.waitFor(() => expect(other.tokens.peek(token)).toBeNull());
  expect(other.tokens.version).not.toBe(versions[1]);
  await other.tokens.close();
  expect(other.tokens.version).toBeNaN();
});

test("the Store holds no token's text as a key, and two tokens of an app may have one source", async () => {
  const app = await registry.apps.create("todo");
  const { token } = await registry.tokens.create(app.id, "app");
  for await (const { key } of registry.store.list("")) expect(key).not.toContain(token);
  expect((await registry.tokens.list(app.id)).map(({ source }) => source)).toEqual(["app", "app", "heroku"]);
});

test("an app has a bounded number of tokens", async () => {
  const app = await registry.apps.create("todo");
  for (let n = 2; n < tokensMax; n++) await registry.tokens.write(app.id, "more");
  await expect(registry.tokens.create(app.id, "more")).rejects.toMatchObject({ code: "TOKEN_LIMIT" });
});

test.each(["", "a b", "a]", "-a", "x".repeat(49), "ä", "t.x", "d.01234567-89ab-cdef-0123-456789abcdef"])(
  "%j is no source",
  async (source) => {
    const app = await registry.apps.create("todo");
    await expect(registry.tokens.create(app.id, source)).rejects.toMatchObject({ code: "SOURCE_INVALID" });
  },
);

test("a token for an app that is not there is not made", async () => {
  const app = await registry.apps.create("todo");
  await registry.apps.destroy(app.id);
  await expect(registry.tokens.create(app.id, "late")).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("the operator's key may do everything; a stranger's is nobody's", async () => {
  expect(await registry.keys.authenticate(operatorSecret)).toEqual({
    keyId: operatorKeyId,
    apps: "all",
    readOnly: false,
  });
  expect(await registry.keys.authenticate(`${operatorSecret}x`)).toBeUndefined();
  expect(await registry.keys.authenticate("")).toBeUndefined();
});

test("a key holds on every node until it is revoked, and the Store never has its secret", async () => {
  const app = await registry.apps.create("todo");
  const { secret, record } = await registry.keys.create({ apps: [app.id], readOnly: true, description: "d" });
  expect(secret).toMatch(/^trk_[A-Za-z0-9_-]{43}$/);
  expect(await other.keys.authenticate(secret)).toEqual({
    keyId: record.id,
    apps: new Set([app.id]),
    readOnly: true,
  });
  for await (const { key, value } of registry.store.list("")) {
    expect(key + JSON.stringify(value)).not.toContain(secret);
  }
  expect(await registry.keys.list()).toEqual([record]);
  expect(await registry.keys.revoke(record.id)).toEqual(record);
  expect(await registry.keys.authenticate(secret)).toBeUndefined();
  await vi.waitFor(async () => expect(await other.keys.authenticate(secret)).toBeUndefined());
  expect(await registry.keys.revoke(record.id)).toBeUndefined();
});

describe("keys of an earlier version, as many as there may be", () => {
  const idAt = (n: number) => `00000000-0000-4000-9000-${String(n).padStart(12, "0")}`;
  const older = (n: number): KeyRecord => ({
    id: idAt(n),
    apps: "all",
    readOnly: false,
    description: "",
    createdAt: "2026-01-01T00:00:00Z",
  });
  const wanted = { apps: "all", readOnly: true, description: "new" } as const;

  test("are found by their ids after the next start, count, and make room when they are revoked or expire", async () => {
    const clock = new FakeClock();
    const timed = await TestRegistry.open({ clock });
    const { keys, store } = timed;
    for (let n = 0; n < keysMax; n++) await store.put(`key/${hashOf(`secret ${n}`)}`, older(n), 0);
    await keys.adoptOlder();
    await keys.adoptOlder();
    expect(await keys.get(idAt(7))).toEqual(older(7));
    expect(await keys.authenticate("secret 7")).toMatchObject({ keyId: idAt(7) });

    await expect(keys.create(wanted)).rejects.toMatchObject({ code: "KEY_LIMIT" });
    expect(await keys.list()).toHaveLength(keysMax);
    await keys.revoke(idAt(7));
    expect(await keys.authenticate("secret 7")).toBeUndefined();
    const { record } = await keys.create({ ...wanted, lifeMs: 1_000 });
    await expect(keys.create(wanted)).rejects.toMatchObject({ code: "KEY_LIMIT" });
    await clock.advance(1_000);
    expect(await keys.get(record.id)).toBeUndefined();
    await keys.create(wanted);
    await expect(keys.create(wanted)).rejects.toMatchObject({ code: "KEY_LIMIT" });
    expect(await store.get(`key-id/${record.id}`)).toBeUndefined();
    await timed.close();
  });
});

test("a key that has expired is nobody's, is not listed, and cannot be changed", async () => {
  const clock = new FakeClock();
  const timed = await TestRegistry.open({ clock });
  const { secret, record } = await timed.keys.create({ ...everything, lifeMs: 60_000 });
  expect(record.expiresAt).toBe("2024-05-01T10:01:00Z");
  expect(await timed.keys.authenticate(secret)).toBeDefined();
  await clock.advance(60_000);
  expect(await timed.keys.authenticate(secret)).toBeUndefined();
  expect(await timed.keys.list()).toEqual([]);
  await expect(timed.keys.update(record.id, { lifeMs: null })).rejects.toMatchObject({ code: "NOT_FOUND" });
  await timed.close();
});

test("a changed key may at once what it may now, here and soon on other nodes, and keeps the rest", async () => {
  const app = await registry.apps.create("todo");
  const { secret, record } = await registry.keys.create({ ...everything, description: "d" });
  await other.keys.authenticate(secret);
  const changed = await registry.keys.update(record.id, { apps: [app.id], readOnly: true });
  expect(changed).toEqual({ ...record, apps: [app.id], readOnly: true, updatedAt: expect.any(String) });
  const limited = { keyId: record.id, apps: new Set([app.id]), readOnly: true };
  expect(await registry.keys.authenticate(secret)).toEqual(limited);
  await vi.waitFor(async () => expect(await other.keys.authenticate(secret)).toEqual(limited));
  await expect(registry.keys.update(randomUUID(), {})).rejects.toMatchObject({ code: "NOT_FOUND" });
});
