/** The list of all keys: read and made once for all who ask at the same time, in turns of the event loop. */
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { allAuthorizations } from "../../src/control/platform/all-authorizations.ts";
import { apiKeyKey } from "../../src/core/records/record-keys.ts";
import { turns } from "../../src/turns.ts";
import { ControlServer } from "../support/control-server.ts";

let server: ControlServer;
const appsMax = 20;
const keysMax = 400;
beforeAll(async () => {
  server = await ControlServer.open();
  const { apps, store } = server.registry;
  const ids: string[] = [];
  for (let n = 0; n < appsMax; n++) ids.push((await apps.create(`app-${n}`)).id);
  const gone = await apps.create("gone");
  await apps.destroy(gone.id);
  for (let n = 0; n < keysMax; n++) {
    const hex = String(n).padStart(12, "0");
    const key = { id: `01234567-89ab-4cde-8f01-${hex}`, apps: [gone.id, ...ids], readOnly: true };
    const rest = { description: `key ${n}`, createdAt: "2026-11-28T16:00:00Z" };
    await store.put(apiKeyKey(hex.padStart(64, "0")), { ...key, ...rest }, 0);
  }
});
afterAll(() => server.close());

const path = "/oauth/authorizations";

test("the list has all keys with those of their apps that there are, and no app is looked up by itself", async () => {
  const taken = vi.spyOn(turns, "next");
  const looked = vi.spyOn(server.registry.apps, "get");
  const answers = await Promise.all(Array.from({ length: 10 }, () => server.call("GET", path)));
  for (const { status, json, text } of answers) {
    expect(status).toBe(200);
    expect(json).toHaveLength(keysMax);
    expect(text).toBe(answers[0]!.text);
  }
  const [first] = answers[0]!.json;
  expect(first.apps.map(({ name }: { name: string }) => name)).toEqual(
    Array.from({ length: appsMax }, (_, n) => `app-${n}`),
  );
  expect(looked).not.toHaveBeenCalled();
  expect(taken.mock.calls.map(([who]) => who)).toContain("keys");
  vi.restoreAllMocks();
});

test("ten who ask at once are told of two readings", async () => {
  const { apps, keys } = server.registry;
  let readings = 0;
  const list = () => {
    readings++;
    return keys.list();
  };
  const all = allAuthorizations({ apps, keys: { list } }, ({ id }) => ({ id }));
  const told = await Promise.all(Array.from({ length: 10 }, all));
  expect(readings).toBe(2);
  expect(new Set(told).size).toBe(2);
  expect(JSON.parse(told[0]!.toString())).toHaveLength(keysMax);
});

test("a list that would be too long is refused, with what to do", async () => {
  const { apps, keys } = server.registry;
  const list = allAuthorizations(
    { apps, keys },
    ({ id }, named) => ({ id, apps: [...named.values()] }),
    100_000,
  );
  await expect(list()).rejects.toMatchObject({
    code: "KEYS_TOO_LONG",
    message: expect.stringContaining("400"),
  });
});

test("no keys are an empty list", async () => {
  const none = allAuthorizations({ apps: server.registry.apps, keys: { list: async () => [] } }, () => ({}));
  expect((await none()).toString()).toBe("[]");
});
