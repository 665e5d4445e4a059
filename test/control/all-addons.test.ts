/** The lists of all add-ons: read and made once for all who ask at the same time, in turns of the event loop. */
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { allAddons, itemsOf } from "../../src/control/platform/all-addons.ts";
import { addonsKey } from "../../src/core/records/record-keys.ts";
import { turns } from "../../src/turns.ts";
import { ControlServer } from "../support/control-server.ts";

let server: ControlServer;
const at = "2026-11-28T16:00:00Z";
const appsMax = 50;
const each = 20;
beforeAll(async () => {
  server = await ControlServer.open();
  for (let n = 0; n < appsMax; n++) {
    const { id } = await server.registry.apps.create(`app-${n}`);
    const addons = Array.from({ length: each }, (_, m) => ({
      ...{ id: `01234567-89ab-4cde-8f01-${String(n * each + m).padStart(12, "0")}`, name: `redis-${n}-${m}` },
      ...{ service: "redis", plan: "x", state: "provisioned", configVars: [], atMs: 1 },
      ...{ createdAt: at, updatedAt: at },
    }));
    await server.registry.store.put(addonsKey(id), { addons }, 0);
  }
});
afterAll(() => server.close());

test.each(["/addons", "/addon-attachments"])("GET %s", async (path) => {
  const taken = vi.spyOn(turns, "next");
  const answers = await Promise.all(Array.from({ length: 10 }, () => server.call("GET", path)));
  for (const { status, json } of answers) {
    expect(status).toBe(200);
    expect(json).toHaveLength(appsMax * each);
    expect(json).toEqual(answers[0]!.json);
  }
  expect(taken.mock.calls.map(([who]) => who)).toContain("add-ons");
  const [one] = answers[0]!.json;
  expect(one.web_url).toMatch(new RegExp(`^${server.url}/addons/01234567`));
  vi.restoreAllMocks();
});

test("ten who ask at once are told of two readings, and each is put into a form once", async () => {
  let readings = 0;
  let items = 0;
  const ofAllApps = () => {
    readings++;
    return server.addons.stored.ofAllApps();
  };
  const all = allAddons({ ofAllApps }, server.registry.apps);
  const read = await Promise.all(Array.from({ length: 10 }, all));
  expect(readings).toBe(2);
  const form = () => items++;
  const made = await Promise.all(read.flatMap((one) => ["a", "b"].map((base) => itemsOf(one, base, form))));
  expect(items).toBe(2 * 2 * appsMax * each);
  expect(new Set(made).size).toBe(4);
});

test("a key of some apps sees theirs alone, whoever asks beside it", async () => {
  const made = await server.call("POST", "/oauth/authorizations", { apps: ["app-7"] });
  const key = made.json.access_token.token;
  const [own, all] = await Promise.all([
    server.call("GET", "/addons", undefined, { key }),
    server.call("GET", "/addons"),
  ]);
  expect(own.json.map(({ app }: { app: { name: string } }) => app.name)).toEqual(Array(each).fill("app-7"));
  expect(all.json).toHaveLength(appsMax * each);
});

test("ten who ask for an add-on at once, whether there or not, share two readings of those of all apps", async () => {
  const listed = vi.spyOn(server.registry.store, "list");
  const { stored } = server.addons;
  const asked = Array.from({ length: 10 }, (_, n) => stored.find(n % 2 ? `redis-${n}-3` : `nobody-${n}`));
  const found = await Promise.all(asked);
  expect(found.map((one) => one?.addon.name)).toEqual(
    Array.from({ length: 10 }, (_, n) => (n % 2 ? `redis-${n}-3` : undefined)),
  );
  expect(listed).toHaveBeenCalledTimes(2);
  vi.restoreAllMocks();
});

test("what a key of some apps asks for is looked for in those alone", async () => {
  const made = await server.call("POST", "/oauth/authorizations", { apps: ["app-7", "app-8"] });
  const key = made.json.access_token.token;
  const listed = vi.spyOn(server.registry.store, "list");
  for (const path of ["", "/addon-attachments", "/log-drains"]) {
    const own = await server.call("GET", `/addons/redis-8-3${path}`, undefined, { key });
    expect(own.status).toBe(200);
    for (const wanted of ["redis-9-3", "nobody"])
      expect(await server.call("GET", `/addons/${wanted}${path}`, undefined, { key })).toMatchObject({
        status: 404,
        json: { message: expect.stringContaining(wanted) },
      });
  }
  const resolved = { addon_attachment: "redis-9-3" };
  expect((await server.call("POST", "/actions/addon-attachments/resolve", resolved, { key })).status).toBe(
    404,
  );
  expect(listed).not.toHaveBeenCalled();
  vi.restoreAllMocks();
});

test("a key of many apps finds their add-ons, and no other's", async () => {
  const { stored } = server.addons;
  const apps = await server.registry.apps.list();
  const most = new Set(apps.filter(({ name }) => name !== "app-9").map(({ id }) => id));
  expect(await stored.findAmong(most, "redis-8-3")).toMatchObject({ addon: { name: "redis-8-3" } });
  expect(await stored.findAmong(most, "redis-9-3")).toBeUndefined();
});
