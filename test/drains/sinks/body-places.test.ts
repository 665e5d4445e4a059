/** Bodies that https drains make of their lines: how much of them an app, and all apps, may have at a time. */
import { createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type BodyPlace, BodyPlaces } from "../../../src/drains/sinks/body-places.ts";
import { openPeer } from "../../support/peer.ts";
import { until } from "../../support/until.ts";
import { never, parcelOf, sinkOf } from "./parts.ts";

const appBytesMax = 1_500_000;
const bytesMax = 3_000_000;
/** Lines that take 600,000 bytes of places. */
const lineBytes = 100_000;
const open = (unreadMsMin = 600_000) => new BodyPlaces({ appBytesMax, bytesMax, unreadMsMin });
const unasked = () => {
  throw new Error("given up");
};
const atOnce = (taken: BodyPlace | Promise<BodyPlace>): BodyPlace => {
  if (taken instanceof Promise) throw new Error("it waits");
  return taken;
};

test("an app has as many bodies as fit its share, and always one or small ones; what they turn out to have counts", async () => {
  const places = open();
  const take = (bytes: number) => places.take("a", bytes, unasked, never);
  const [first, second] = [atOnce(take(lineBytes)), atOnce(take(lineBytes))];
  const third = take(lineBytes);
  expect(third).toBeInstanceOf(Promise);
  atOnce(take(10_000)).end();
  first.setOut(100_000);
  (await third).end();
  for (const place of [first, second]) place.end();
  expect(places.bytes).toBe(0);
});

test("beyond the bound of all, whoever comes waits, in turn, until there is room", async () => {
  const places = open();
  const held = ["a", "b", "c", "d", "e"].map((app) => atOnce(places.take(app, lineBytes, unasked, never)));
  const came: string[] = [];
  const next = ["f", "a", "g"].map(async (app) => {
    const place = await places.take(app, lineBytes, unasked, never);
    came.push(app);
    return place;
  });
  for (const place of held.slice(0, 2)) place.end();
  await Promise.all(next.slice(0, 2));
  expect(came).toEqual(["f", "a"]);
  for (const place of held) place.end();
  for (const place of next) (await place).end();
  expect(places.bytes).toBe(0);
});

test("an app that has no body has one soon: the one that has been on its way longest is given up", async () => {
  const places = open(20);
  const given: string[] = [];
  const held = ["a", "a", "b", "b", "c"].map((app, n) => {
    const place = atOnce(
      places.take(
        app,
        lineBytes,
        (ms) => {
          given.push(`${app}${n} ${ms >= 20}`);
          place.end();
        },
        never,
      ),
    );
    return place;
  });
  for (const place of held.toReversed()) place.setOut(6 * lineBytes);
  const own = places.take("a", lineBytes, unasked, never);
  await sleep(60);
  expect(given).toEqual([]); // it has bodies of its own to wait for
  const first = await places.take("d", lineBytes, unasked, never);
  expect(given).toEqual(["c4 true"]);
  const second = await places.take("e", lineBytes, unasked, never);
  expect(given.slice(0, 2)).toEqual(["c4 true", "b3 true"]);
  for (const place of [...held, first, second]) place.end();
  (await own).end();
  expect(places.bytes).toBe(0);
});

test("the bound of all is held, whoever comes and goes, and nobody waits for ever", async () => {
  const step = fc.record({
    app: fc.constantFrom("a", "b", "c", "d", "e", "f", "g", "h"),
    lineBytes: fc.integer({ min: 1, max: 2 * lineBytes }),
    grows: fc.double({ min: 0, max: 1, noNaN: true }),
    ends: fc.nat(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const places = open(0);
      const standing = new Set<BodyPlace>();
      const all = steps.map(async ({ app, lineBytes, grows, ends }) => {
        let place: BodyPlace;
        const end = () => {
          standing.delete(place);
          place.end();
        };
        place = await places.take(app, lineBytes, end, never);
        standing.add(place);
        expect(places.bytes).toBeLessThanOrEqual(bytesMax);
        place.setOut(Math.floor(6 * lineBytes * grows));
        const [other] = [...standing].slice(ends % standing.size);
        if (ends % 3 === 0 && other !== undefined) {
          standing.delete(other);
          other.end();
        }
      });
      let isOver = false;
      const over = Promise.all(all).then(() => {
        isOver = true;
      });
      while (!isOver) {
        await sleep(0);
        const [one] = standing;
        if (one === undefined) continue;
        standing.delete(one);
        one.end();
      }
      await over;
      for (const place of standing) place.end();
      expect(places.bytes).toBe(0);
    }),
  );
});

test("who is given up waits no more, and takes nothing", async () => {
  const places = open();
  const large = atOnce(places.take("a", 1_000_000, unasked, never));
  const ending = new AbortController();
  const waiting = places.take("a", lineBytes, unasked, ending.signal);
  ending.abort(new Error("given up"));
  await expect(waiting).rejects.toThrow("given up");
  large.end();
  expect(places.bytes).toBe(0);
  atOnce(places.take("a", lineBytes, unasked, never)).end();
});

test.each([
  ["ndjson", "in"],
  ["otlp-json", "in"],
  ["ndjson", "bad"],
] as const)(
  "a body of %s goes as soon as it is sent, before its answer comes (/%s)",
  async (format, path) => {
    const places = open();
    let answer: (() => void) | undefined;
    const status = path === "bad" ? 503 : 200;
    const peer = await openPeer(() => (response) => {
      answer = () => response.writeHead(status, { "content-length": "0" }).end();
    });
    const sink = sinkOf(`${peer.url}${path}`, { format }, { places });
    const delivering = sink.deliver(parcelOf("\u0001".repeat(50_000)), never);
    expect(places.bytes).toBeGreaterThan(300_000);
    await until(() => answer !== undefined && places.bytes === 0);
    answer!();
    expect((await delivering).kind).toBe(path === "bad" ? "retry" : "delivered");
    await sink.close();
    await peer.close();
  },
);

test("a body of logplex has no place: it is made of what is stored", async () => {
  const places = open();
  const seen: number[] = [];
  const peer = await openPeer(() => {
    seen.push(places.bytes);
    return 200;
  });
  const sink = sinkOf(`${peer.url}in`, {}, { places });
  await sink.deliver(parcelOf("\u0001".repeat(50_000)), never);
  expect(seen).toEqual([0]);
  await sink.close();
  await peer.close();
});

test("a receiver that does not read loses its place to another app, and is told why", async () => {
  const places = open(50);
  const sockets: Socket[] = [];
  const deaf = createServer((socket) => sockets.push(socket.pause().on("error", () => {}))).listen(
    0,
    "127.0.0.1",
  );
  await new Promise((resolve) => deaf.once("listening", resolve));
  const { port } = deaf.address() as { port: number };
  const sink = sinkOf(`http://127.0.0.1:${port}/`, { format: "ndjson" }, { places });
  // More than the system takes on a connection that is not read.
  const delivering = sink.deliver(parcelOf("\u0001".repeat(4_000_000)), never);
  await until(() => sockets.length === 1);
  const place = await places.take("other", lineBytes, unasked, never);
  const verdict = await delivering;
  expect(verdict).toMatchObject({ kind: "retry", slow: true });
  expect(JSON.stringify(verdict)).toContain("read too slowly");
  place.end();
  expect(places.bytes).toBe(0);
  await sink.close();
  for (const socket of sockets) socket.destroy();
  deaf.close();
});
