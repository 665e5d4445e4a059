/** Add-ons that their providers promised and did not make ready: for how long they are waited for, and by whom they are removed. */
import { rmSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { readManifests } from "../../src/addons/manifest.ts";
import { OverdueAddons, overdueLookMs, provisioningHoursMax } from "../../src/addons/overdue.ts";
import type { Store } from "../../src/ports.ts";
import type { AddonsRecord } from "../../src/registry/platform/addon-records.ts";
import { AddonProvider } from "../support/addon-provider.ts";
import { ControlServer, TestRegistry } from "../support/control-server.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { kept } from "../support/kept.ts";
import { until } from "../support/until.ts";

const boundMs = provisioningHoursMax * 3_600_000;
const clock = new FakeClock();
let provider: AddonProvider;
let server: ControlServer;
let folder: string;
let app: string;
beforeAll(async () => {
  provider = await AddonProvider.open();
  folder = provider.manifests({ papertrail: ["syslog_drain", "PAPERTRAIL_TOKEN"] });
  const registry = await TestRegistry.open({ clock });
  server = await ControlServer.open({ registry, manifests: readManifests(folder) });
});
beforeEach(async () => {
  await server.reset();
  provider.calls.length = 0;
  provider.answers = [];
  app = (await server.call("POST", "/apps", { name: "shop" })).json.id;
});
afterAll(async () => {
  await server.close();
  provider.close();
  rmSync(folder, { recursive: true });
});

/** One that its provider promised, or made at once. */
async function addonOf(status: 200 | 202, name: string): Promise<string> {
  const config = { PAPERTRAIL_TOKEN: "hush" };
  provider.answers.push({ status, body: { id: "42", config: name === "late" ? config : {} } });
  return (await server.call("POST", "/apps/shop/addons", { plan: "papertrail:x", name })).json.id;
}
function openWatch(store: Store = server.registry.store): string[] {
  const noted: string[] = [];
  const failures = { note: (work: string) => void noted.push(work) };
  kept(new OverdueAddons({ store, clock, addons: server.addons, failures }));
  return noted;
}
const states = async (): Promise<Record<string, string>> =>
  Object.fromEntries(
    (await server.call("GET", "/apps/shop/addons")).json.map((one: { name: string; state: string }) => [
      one.name,
      one.state,
    ]),
  );
const removals = () => provider.calls.filter(({ method }) => method === "DELETE").map(({ path }) => path);
async function told(): Promise<number> {
  const { batches } = await server.registry.log.recent(app as never, 100);
  const lines = batches.map(({ bytes }) => bytes.toString()).join("");
  return lines.match(/@ref:late failed to provision: .* within 12 hours/g)?.length ?? 0;
}
const isGone = async () => !("late" in (await states()));

test("one that is not ready within 12 hours is removed with all that is its own, at its provider too, and the app is told", async () => {
  const noted = openWatch();
  const late = await addonOf(202, "late");
  await addonOf(200, "ready");
  await addonOf(202, "later-ready");
  const basic = `Basic ${Buffer.from("papertrail:pass-word").toString("base64")}`;
  const asProvider = { key: null, headers: { authorization: basic } };
  await server.call("POST", "/addons/later-ready/actions/provision", undefined, asProvider);
  await clock.advance(boundMs - overdueLookMs);
  expect(await states()).toEqual({
    late: "provisioning",
    ready: "provisioned",
    "later-ready": "provisioned",
  });
  await clock.advance(overdueLookMs);
  await until(isGone);
  expect(removals()).toEqual([`/heroku/resources/${late}`]);
  expect(await told()).toBe(1);
  expect(await states()).toEqual({ ready: "provisioned", "later-ready": "provisioned" });
  expect((await server.call("GET", "/apps/shop/config-vars")).json).toEqual({});
  const tooLate = await server.call("POST", `/addons/${late}/actions/provision`, undefined, asProvider);
  expect(tooLate.status).toBe(401);
  expect(noted).toEqual([]);
});

test("one that became overdue while no server ran is removed at the next start, whatever its provider says", async () => {
  await addonOf(202, "late");
  clock.jump(boundMs);
  provider.answers = [{ status: 409 }];
  openWatch();
  await until(isGone);
  expect(await told()).toBe(1);
});

test("of several nodes one removes it", async () => {
  await addonOf(202, "late");
  clock.jump(boundMs);
  for (let node = 0; node < 5; node++) openWatch();
  await until(isGone);
  expect(removals()).toHaveLength(1);
  expect(await told()).toBe(1);
});

test("a removal that ended half done is begun again after a minute, and its provider is too late meanwhile", async () => {
  const late = await addonOf(202, "late");
  clock.jump(boundMs);
  const key = `addons/${app}`;
  const { value, revision } = (await server.registry.store.get<AddonsRecord>(key))!;
  const updatedAt = new Date(clock.nowMs()).toISOString();
  const begun = value.addons.map((addon) => ({ ...addon, state: "deprovisioning" as const, updatedAt }));
  await server.registry.store.put(key, { addons: begun }, revision);
  openWatch();
  const basic = `Basic ${Buffer.from("papertrail:pass-word").toString("base64")}`;
  const asProvider = { key: null, headers: { authorization: basic } };
  const answer = await server.call("POST", `/addons/${late}/actions/provision`, undefined, asProvider);
  expect(answer.status).toBe(404);
  expect(await states()).toEqual({ late: "deprovisioning" });
  await clock.advance(overdueLookMs);
  await until(isGone);
});

test("a failure is told to the operator, and the others are removed", async () => {
  await addonOf(202, "late");
  await addonOf(202, "stuck");
  clock.jump(boundMs);
  const { store } = server.registry;
  const stuck = Object.assign(Object.create(store) as Store, {
    list: async function* (prefix: string) {
      for await (const record of store.list<AddonsRecord>(prefix)) {
        const [first, second] = record.value.addons;
        for (let at = 0; at < 20; at++) yield { ...record, key: "addons/none", value: { addons: [second!] } };
        yield { ...record, value: { addons: [first!] } };
      }
    },
    get: (key: string) => (key === "addons/none" ? Promise.reject(new Error("no answer")) : store.get(key)),
    put: (...args: Parameters<Store["put"]>) => store.put(...args),
  });
  const noted = openWatch(stuck);
  await until(isGone);
  expect(noted).toEqual(Array(20).fill("addons"));
});

test("of thousands that are ready each is read once in a round, and nothing else is asked or kept", async () => {
  const asked: string[] = [];
  const atMs = clock.nowMs() - 10 * boundMs;
  const ready = { id: "x", state: "provisioned", atMs, updatedAt: new Date(atMs).toISOString() };
  const store = new Proxy(server.registry.store, {
    get: (_, method: string) => {
      asked.push(method);
      return async function* () {
        for (let at = 0; at < 5_000; at++)
          yield { key: `addons/${at}`, value: { addons: [ready] }, revision: 1 };
      };
    },
  });
  const noted = openWatch(store);
  await clock.advance(3 * overdueLookMs);
  expect(asked).toEqual(Array(4).fill("list"));
  expect(noted).toEqual([]);
});
