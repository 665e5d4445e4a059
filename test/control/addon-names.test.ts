/** The names that add-ons are given. */
import * as crypto from "node:crypto";
import { rmSync } from "node:fs";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { readManifests } from "../../src/addons/manifest.ts";
import { AddonProvider } from "../support/addon-provider.ts";
import { ControlServer } from "../support/control-server.ts";

vi.mock("node:crypto", async (actual) => {
  const real = await actual<typeof crypto>();
  return { ...real, randomInt: vi.fn(real.randomInt) };
});

let provider: AddonProvider;
let server: ControlServer;
let folder: string;
beforeAll(async () => {
  provider = await AddonProvider.open();
  folder = provider.manifests({ redis: ["log_input", "REDIS_URL"] });
  server = await ControlServer.open({ manifests: readManifests(folder) });
});
afterAll(async () => {
  await server.close();
  provider.close();
  rmSync(folder, { recursive: true });
});

test("a generated name that is taken is not given, nor an error of whoever named nothing", async () => {
  await server.call("POST", "/apps", { name: "shop" });
  provider.answers = Array.from({ length: 3 }, () => ({ status: 200, body: { id: "1" } }));
  const create = async () => (await server.call("POST", "/apps/shop/addons", { plan: "redis:x" })).json.name;
  vi.mocked(crypto.randomInt as (min: number, max: number) => number).mockImplementation((min) => min);
  expect([await create(), await create(), await create()]).toEqual([
    "redis-10000",
    "redis-100000",
    "redis-1000000",
  ]);
});

test("of several add-ons of one service, its name and their attachment's mean none: they are named", async () => {
  await server.call("POST", "/apps", { name: "blog" });
  provider.answers = Array.from({ length: 2 }, () => ({ status: 200, body: { id: "1" } }));
  const create = async (name: string) => server.call("POST", "/apps/blog/addons", { plan: "redis:x", name });
  const resolve = async (wanted: string) => [
    await server.call("POST", "/actions/addons/resolve", { addon: wanted, app: "blog" }),
    await server.call("POST", "/actions/addon-attachments/resolve", {
      addon_attachment: wanted,
      app: "blog",
    }),
    await server.call("GET", `/apps/blog/addons/${wanted}`),
  ];
  await create("first");
  for (const wanted of ["redis", "REDIS", "first"])
    expect((await resolve(wanted)).map(({ status }) => status)).toEqual([200, 200, 200]);
  await create("second");
  for (const wanted of ["redis", "REDIS"])
    for (const { status, json } of await resolve(wanted))
      expect({ status, json }).toMatchObject({
        status: 422,
        json: { id: "multiple_matches", message: expect.stringContaining("add-ons found: first, second.") },
      });
  expect((await resolve("second")).map(({ status }) => status)).toEqual([200, 200, 200]);
});
