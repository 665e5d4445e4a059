import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { operatorKeyId } from "../../src/registry/keys.ts";
import { tokensMax } from "../../src/registry/tokens.ts";
import { operatorSecret, TestRegistry } from "../support/control-server.ts";

let registry: TestRegistry;
let other: TestRegistry;
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

test.each(["", "a b", "a]", "-a", "x".repeat(49), "ä"])("%j is no source", async (source) => {
  const app = await registry.apps.create("todo");
  await expect(registry.tokens.create(app.id, source)).rejects.toMatchObject({ code: "SOURCE_INVALID" });
});

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
