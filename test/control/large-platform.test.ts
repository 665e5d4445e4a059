/** What is kept of an app's dynos, where it would be more than a record may be. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { reportLimits } from "../../src/core/records/runner-report.ts";
import { valueBytesMax } from "../../src/engines/engine.ts";
import { platformLimits } from "../../src/registry/platform/limits.ts";
import { ControlServer } from "../support/control-server.ts";

let server: ControlServer;
beforeAll(async () => {
  server = await ControlServer.open();
});
beforeEach(async () => {
  await server.reset();
  await server.call("POST", "/apps", { name: "shop" });
  const id = "01234567-89ab-4cde-8f01-23456789abcd";
  await server.call("PUT", "/apps/shop/runner", { id, host: "box", pid: 7, dynos: [] });
});
afterAll(() => server.close());

const call = async (method: string, path: string, body?: unknown) => {
  const { status, json } = await server.call(method, `/apps/shop${path}`, body);
  return { status, json };
};
const deploy = (types: number, command: string) => {
  const names = Array.from({ length: types }, (_, n) => [`t${n}`, command]);
  return call("POST", "/releases", { description: "Deploy", process_types: Object.fromEntries(names) });
};
const recordBytes = async () => {
  const app = await server.registry.apps.get("shop");
  return JSON.stringify((await server.registry.store.get(`platform/${app!.id}`))!.value).length;
};

test("the oldest orders and releases go before their time, the newest ones stay", async () => {
  const { recordBytesMax } = platformLimits;
  expect(recordBytesMax).toBeLessThan(valueBytesMax);
  for (let n = 0; n < 20; n++) expect((await deploy(8, "x".repeat(8_000))).status).toBe(201);
  for (let n = 0; n < 20; n++) {
    const order = { command: `${n} ${"x".repeat(8_000)}`, env: { LONG: "x".repeat(32_000) } };
    expect((await call("POST", "/dynos", order)).status).toBe(201);
  }
  expect(await recordBytes()).toBeLessThanOrEqual(recordBytesMax);
  const { orders, release } = (await call("GET", "/runner/wanted")).json;
  expect(orders.at(-1).command).toMatch(/^19 /);
  expect(release).toBe(20);
  expect((await call("GET", "/releases")).json.at(-1).version).toBe(20);
});

test("what is too much even so is refused, and changes nothing", async () => {
  expect((await deploy(1, "node web.js")).status).toBe(201);
  const { status, json } = await deploy(20, "€".repeat(3_300));
  expect({ status, json }).toEqual({
    status: 422,
    json: expect.objectContaining({ code: "PLATFORM_TOO_LARGE" }),
  });
  expect((await call("GET", "/formation")).json).toHaveLength(1);
  expect((await call("GET", "/runner/wanted")).json.release).toBe(1);
});

test("an app has a number of dynos that its runner can report: more are refused, and change nothing", async () => {
  expect((await deploy(6, "node web.js")).status).toBe(201);
  const quantities = (each: number) => ({
    updates: Array.from({ length: 6 }, (_, n) => ({ type: `t${n}`, quantity: n === 5 ? 0 : each })),
  });
  expect((await call("PATCH", "/formation", quantities(100))).status).toBe(200);
  const refused = { status: 422, json: expect.objectContaining({ code: "FORMATION_INVALID" }) };
  expect(await call("PATCH", "/formation/t5", { quantity: 1 })).toEqual(refused);
  expect(await deploy(7, "node web.js")).toEqual(refused);
  expect((await call("GET", "/formation")).json).toMatchObject([
    ...Array(5).fill({ quantity: 100 }),
    { quantity: 0 },
  ]);
  expect((await call("PATCH", "/formation/t0", { quantity: 99 })).status).toBe(200);
});

test("an app that has as many dynos as its runner can report runs no further one-off dyno", async () => {
  const id = "01234567-89ab-4cde-8f01-23456789abcd";
  const at = "2026-11-28T16:00:00Z";
  const rest = { state: "up", command: "x", size: "Standard-1X", release: 1, createdAt: at, updatedAt: at };
  const dynos = Array.from({ length: reportLimits.dynosMax }, (_, n) => ({
    ...{ id, name: `run.${n}`, type: "run" },
    ...rest,
  }));
  const report = (count: number) =>
    call("PUT", "/runner", { id, host: "box", pid: 7, dynos: dynos.slice(0, count) });
  expect((await report(reportLimits.dynosMax)).status).toBe(200);
  const { status, json } = await call("POST", "/dynos", { command: "true" });
  expect({ status, code: json.code }).toEqual({ status: 422, code: "FORMATION_INVALID" });
  expect((await report(reportLimits.dynosMax - 1)).status).toBe(200);
  expect((await call("POST", "/dynos", { command: "true" })).status).toBe(201);
});
