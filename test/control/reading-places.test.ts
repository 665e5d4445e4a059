/** Answers to GET that are being made at the same time. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import { ReadingPlaces } from "../../src/control/reading-places.ts";
import { AppError } from "../../src/errors/app-error.ts";
import { readingLimits } from "../../src/limits.ts";
import { ControlServer, TestRegistry } from "../support/control-server.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { kept } from "../support/kept.ts";

const limits = { inAllMax: 3, perAddressMax: 2, waitMsMax: 30_000 };

test("so many of an address, and of all; addresses take turns, and within one the first goes first", async () => {
  const places = new ReadingPlaces(limits, new FakeClock());
  const order: string[] = [];
  const take = async (address: string, name: string) => {
    await places.take(address);
    order.push(name);
  };
  const taken = ["a1", "a2", "a3", "a4", "b1", "b2"].map((name) => take(name[0]!, name));
  await Promise.all([taken[0], taken[1], taken[4]]);
  expect(order).toEqual(["a1", "a2", "b1"]);
  for (const [left, next] of [
    ["a", 2], // the address that was first
    ["a", 5], // then the other one
    ["b", 3],
  ] as const) {
    places.leave(left);
    await taken[next];
  }
  expect(order.slice(3)).toEqual(["a3", "b2", "a4"]);
});

test("who has no place in time is refused, and takes none later", async () => {
  const clock = new FakeClock();
  const places = new ReadingPlaces({ ...limits, inAllMax: 1 }, clock);
  expect(places.take("a")).toBeUndefined();
  const refused = Promise.resolve(places.take("b")).catch((error: unknown) => error);
  await clock.advance(limits.waitMsMax);
  const error = await refused;
  expect(error).toBeInstanceOf(AppError);
  expect(error).toMatchObject({ code: "API_BUSY", status: 503, retryAfterS: 5 });
  places.leave("a");
  expect(places.take("c")).toBeUndefined();
});

test("a client that asks for 40 lists at once has four of them made at a time, and all are answered", async () => {
  const registry = await TestRegistry.open();
  let making = 0;
  let most = 0;
  let full = () => {};
  const isFull = new Promise<void>((resolve) => (full = resolve));
  const list = registry.apps.list.bind(registry.apps);
  registry.apps.list = async () => {
    most = Math.max(most, ++making);
    if (making === readingLimits.perAddressMax) full();
    await isFull; // the first ones wait for each other
    await nextTurn();
    making--;
    return list();
  };
  const server = kept(await ControlServer.open({ registry }));
  const answers = await Promise.all(Array.from({ length: 40 }, () => server.call("GET", "/apps")));
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 40 }, () => 200));
  expect(most).toBe(readingLimits.perAddressMax);
});

test.each(["/apps", "/v3/channels/there/logs"])(
  "a request that fails gives its place back: %s",
  async (path) => {
    const server = kept(await ControlServer.open({ readings: { ...limits, perAddressMax: 1, inAllMax: 1 } }));
    for (let times = 0; times < 3; times++) {
      expect((await server.call("GET", path, undefined, { key: "wrong" })).status).toBe(401);
      expect((await server.call("GET", "/apps/none")).status).toBe(404);
    }
    expect((await server.call("GET", "/apps")).status).toBe(200);
  },
);
