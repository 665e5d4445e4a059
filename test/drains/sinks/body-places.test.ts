/** Bodies that https drains make of their lines: how much of them an app, and all apps, may have at a time. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import { BodyPlaces } from "../../../src/drains/sinks/body-places.ts";
import { openPeer } from "../../support/peer.ts";
import { never, parcelOf, sinkOf } from "./parts.ts";

const appBytesMax = 1_500_000;
const bytesMax = 3_000_000;
/** Lines that take 600,000 bytes of places. */
const lineBytes = 100_000;
const open = () => new BodyPlaces({ appBytesMax, bytesMax });

test("an app has as many bodies as fit its share, and always one or small ones; what they turn out to have counts", async () => {
  const places = open();
  const [first, second] = [places.take("a", lineBytes, never), places.take("a", lineBytes, never)];
  if (first instanceof Promise || second instanceof Promise) throw new Error("there is room");
  let isIn = false;
  const third = Promise.resolve(places.take("a", lineBytes, never)).then((place) => {
    isIn = true;
    return place;
  });
  const small = places.take("a", 10_000, never);
  if (small instanceof Promise) throw new Error("a small one waits");
  small.becomes(0);
  await nextTurn();
  expect(isIn).toBe(false);
  first.becomes(100_000);
  (await third).becomes(0);
  first.becomes(0);
  second.becomes(0);
});

test("beyond the bound of all, each app goes on with one body at a time", async () => {
  const places = open();
  const apps = Array.from({ length: 8 }, (_, n) => `app ${n}`);
  const held = apps.map((app) => places.take(app, lineBytes, never));
  for (const place of held) expect(place).not.toBeInstanceOf(Promise);
  const next = apps.map((app) => places.take(app, lineBytes, never));
  for (const place of next) expect(place).toBeInstanceOf(Promise);
  for (const place of held) (await place).becomes(0);
  for (const place of next) (await place).becomes(0);
  expect(places.bytes).toBe(0);
});

test("who is given up waits no more, and takes nothing", async () => {
  const places = open();
  const large = await places.take("a", 1_000_000, never);
  const ending = new AbortController();
  const waiting = places.take("a", lineBytes, ending.signal);
  ending.abort(new Error("given up"));
  await expect(waiting).rejects.toThrow("given up");
  large.becomes(0);
  expect(places.bytes).toBe(0);
  expect(places.take("a", lineBytes, never)).not.toBeInstanceOf(Promise);
});

test("a body has its place until its answer is here, however it goes; one of logplex is made of what is stored", async () => {
  const places = open();
  const seen: number[] = [];
  const peer = await openPeer(({ path }) => {
    seen.push(places.bytes);
    return path.includes("bad") ? 503 : 200;
  });
  for (const format of ["ndjson", "otlp-json", "logplex"] as const)
    for (const path of ["in", "bad"]) {
      const sink = sinkOf(`${peer.url}${path}`, { format }, { places });
      await sink.deliver(parcelOf("\u0001".repeat(50_000)), never);
      expect(places.bytes).toBe(0);
      await sink.close();
    }
  await peer.close();
  for (const bytes of seen.slice(0, 4)) expect(bytes).toBeGreaterThan(300_000);
  expect(seen.slice(4)).toEqual([0, 0]);
});
