/** Bodies that are tiny and huge, slow and unfinished: what they hold, and who is told what. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, test, vi } from "vitest";
import { canoniseBody, stepFrames } from "../../src/core/batch/canonise-body.ts";
import { ingestLimits } from "../../src/ingest/limits.ts";
import { tokenOf } from "../ingest/registry.ts";
import { shuttleFrame } from "../support/frames.ts";
import { kept } from "../support/kept.ts";
import type { RawClient } from "../support/raw-client.ts";
import { IngestDoor } from "./ingest-door.ts";

const line = shuttleFrame("a line").toString();
const tiny = (frames: number): string => "1 x".repeat(frames);

let door: IngestDoor;
const open = async (bounds: Parameters<typeof IngestDoor.open>[0]) => {
  door = kept(await IngestDoor.open(bounds));
};
/** Everything that a test left unfinished goes; then nothing is held. */
afterEach(async () => {
  vi.useRealTimers();
  await door.close();
  await reached(() => door.queues.budget.bytes === 0);
});

async function reached(isThere: () => boolean): Promise<void> {
  while (!isThere()) await nextTurn();
}

describe("tiny frames", () => {
  test.each([
    ["a token", 1],
    ["a key", 0],
  ])("a body has so many frames at most, with %s", async (_name, app) => {
    await open({ framesMax: 1_000 });
    for (const headers of [{}, { "content-encoding": "gzip" }]) {
      const inflated = tiny(1_001);
      const body = "content-encoding" in headers ? gzipSync(inflated) : inflated;
      expect(await door.post(app, body, headers)).toMatch(
        /^HTTP\/1\.1 413 [\s\S]*more than 1000 frames: nothing was stored.\nSend the lines in several requests/,
      );
    }
    expect(door.log.asked).toEqual([]);
    expect(await door.post(app, tiny(1_000))).toMatch(/^HTTP\/1\.1 204 /);
  });

  test("a walk over a body can pause after each few of them", () => {
    const { framesMax, frameBytesMax } = ingestLimits;
    const steps = canoniseBody(Buffer.from(tiny(10 * stepFrames + 1)), "app", {
      framesMax,
      frameBytesMax,
      nowMs: 0,
    });
    let pauses = 0;
    while (steps.next().done !== true) pauses++;
    expect(pauses).toBe(10);
  });

  test.each([
    ["a token", 1],
    ["a key", 0],
  ])("others are served while a body of very many is walked, with %s", async (_name, app) => {
    await open({});
    const body = Buffer.concat(Array(40_000).fill(shuttleFrame("one of many", { app: tokenOf(1) })));
    const many = door.post(app, body);
    await reached(() => door.bodies.bytes >= body.length);
    const one = door.post(2, line);
    expect(await one).toMatch(/^HTTP\/1\.1 204 /);
    expect(door.bodies.bytes).toBeGreaterThanOrEqual(body.length);
    expect(await many).toMatch(/^HTTP\/1\.1 204 /);
  });
});

describe("unfinished bodies", () => {
  /** Begins a body and sends so much of it. */
  async function unfinished(app: number, bytes: number, from?: string): Promise<RawClient> {
    const before = door.bodies.bytes;
    const client = await door.begin(app, 1_000_000, {}, from);
    client.send(Buffer.alloc(bytes, "9"));
    await reached(() => door.bodies.bytes >= before + bytes || client.got !== "");
    return client;
  }

  test("of one app have a share, and others go on", async () => {
    await open({ appBodyBytesMax: 40_000 });
    await unfinished(1, 15_000);
    await unfinished(1, 15_000);
    const refused = await unfinished(1, 15_000);
    expect(await refused.until((got) => got.includes("Retry-After") || got.includes("retry-after"))).toMatch(
      /^HTTP\/1\.1 503 [\s\S]*Requests of this app that are not whole yet hold 40000 bytes/,
    );
    expect(await door.post(2, line)).toMatch(/^HTTP\/1\.1 204 /);
    expect(door.bodies.bytes).toBeLessThanOrEqual(40_000);
  });

  test("of one address have a share, whatever their credential, and other addresses go on", async () => {
    await open({ addressBodyBytesMax: 40_000 });
    await unfinished(1, 15_000);
    await unfinished(2, 15_000);
    for (const app of [3, 0]) {
      const refused = await unfinished(app, 15_000);
      expect(await refused.until((got) => got.includes("\n\n") || got.includes("Retry"))).toMatch(
        /^HTTP\/1\.1 503 [\s\S]*Requests from your address/,
      );
    }
    const other = await door.begin(4, line.length, { connection: "close" }, "127.0.0.9");
    expect(await other.send(line).closed()).toMatch(/^HTTP\/1\.1 204 /);
  });

  test("where ingest holds all that it may, the body that was begun first gives way", async () => {
    await open({ memoryBytesMax: 100_000 });
    const first = await unfinished(1, 15_000, "127.0.0.2");
    const others: RawClient[] = [];
    for (let n = 3; first.got === ""; n++) {
      const other = await door.begin(2, 1_000_000, {}, `127.0.0.${n}`);
      others.push(other.send(Buffer.alloc(15_000, "9")));
      const before = door.bodies.bytes;
      await reached(() => door.bodies.bytes >= before + 15_000 || first.got !== "");
    }
    expect(first.got).toMatch(/^HTTP\/1\.1 503 [\s\S]*limit of unwritten lines in memory/);
    expect(others.map(({ got }) => got).join("")).toBe("");
    expect(door.queues.budget.bytes).toBeLessThanOrEqual(100_000);
    expect(await door.post(3, shuttleFrame("x".repeat(60_000)))).toMatch(/^HTTP\/1\.1 204 /);
  });

  test("have all their room when much of them has come, and are not copied again and again", async () => {
    await open({});
    const body = await door.begin(1, 8_000_000);
    body.send(Buffer.alloc(200_000, "9"));
    await reached(() => door.bodies.bytes >= 200_000);
    expect(door.bodies.bytes).toBeLessThan(1_000_000);
    body.send(Buffer.alloc(3_000_000, "9"));
    await reached(() => door.bodies.bytes === 8_000_000);
    body.leave();
  });

  test("are inflated when they are whole: until then they hold what has come", async () => {
    await open({ appBodyBytesMax: 300_000 });
    const zipped = gzipSync(shuttleFrame("x".repeat(200_000)));
    const clients = await Promise.all(
      Array.from({ length: 50 }, () => door.begin(1, zipped.length, { "content-encoding": "gzip" })),
    );
    for (const client of clients) client.send(zipped.subarray(0, -1));
    await reached(() => door.bodies.bytes === 50 * (zipped.length - 1));
    for (const client of clients) client.send(zipped.subarray(-1));
    for (const client of clients) {
      expect(await client.until((got) => got !== "")).toMatch(/^HTTP\/1\.1 (204|503) /);
      expect(door.bodies.bytes).toBeLessThanOrEqual(300_000);
    }
    expect(clients.some(({ got }) => got.startsWith("HTTP/1.1 204 "))).toBe(true);
  });

  test("hold no more memory than is counted when their first piece is a small part of a read", async () => {
    await open({});
    const clients = await Promise.all(Array.from({ length: 50 }, () => door.begin(1, 1_000_000)));
    for (const client of clients) client.send("9");
    await reached(() => door.bodies.bytes >= 50);
    expect(door.bodies.bytes).toBeLessThan(50 * 64);
  });

  test("that come more slowly than the least pace are answered 408", async () => {
    await open({ bodyRateMs: 100, bodyRateBytesMin: 1_000_000 });
    const client = await door.begin(1, 100_000);
    const trickle = setInterval(() => client.send("9"), 5);
    const got = await client.closed();
    clearInterval(trickle);
    expect(got).toMatch(/^HTTP\/1\.1 408 [\s\S]*more slowly than 1000000 bytes in 0.1 s: nothing was stored/);
  });

  test("that keep the least pace are taken, however long they take", async () => {
    await open({ bodyRateMs: 50, bodyRateBytesMin: 1 });
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const client = await door.begin(1, line.length);
    client.send(line.slice(0, 1));
    await reached(() => door.bodies.bytes > 0); // its time runs
    for (let sent = 1; sent < 20; sent++) {
      client.send(line.slice(sent, sent + 1));
      await reached(() => door.bytesRead === client.socket.bytesWritten);
      vi.advanceTimersByTime(50);
      await nextTurn();
    }
    vi.useRealTimers();
    client.send(line.slice(20));
    expect(await client.until((got) => got !== "")).toMatch(/^HTTP\/1\.1 204 /);
  });
});

test("a body that its app has no room for is refused by its head, and those of others are not", async () => {
  await open({ queueBytesMax: 2_000 });
  door.log.holding = true;
  const first = door.post(1, shuttleFrame("x".repeat(1_500)));
  await reached(() => door.queues.budget.bytes > 1_500 && door.bodies.bytes === 0);
  const refused = await door.begin(1, 1_000);
  expect(await refused.until((got) => got.includes("\r\n\r\n"))).toMatch(/^HTTP\/1\.1 503 /);
  door.log.holding = false;
  expect(await door.post(2, shuttleFrame("x".repeat(1_500)))).toMatch(/^HTTP\/1\.1 204 /);
  door.log.release();
  expect(await first).toMatch(/^HTTP\/1\.1 204 /);
});

describe("codings", () => {
  test.each(["br", "compress", "deflate", "gzip, gzip", "nonsense"])(
    "%s is told as a coding that is not taken, with those that are",
    async (coding) => {
      await open({});
      const answer = await door.post(1, line, { "content-encoding": coding });
      expect(answer).toMatch(/^HTTP\/1\.1 415 /);
      expect(answer).toMatch(/^accept-encoding: gzip(, zstd)?\r$/im);
      expect(answer).toContain(`The body has the Content-Encoding "${coding}", which is not taken here.`);
    },
  );

  test.each(["gzip", "GZIP", " x-gzip "])("%j is gzip", async (coding) => {
    await open({});
    expect(await door.post(1, gzipSync(line), { "content-encoding": coding })).toMatch(/^HTTP\/1\.1 204 /);
    expect(door.log.messages()).toEqual(["a line\n"]);
  });
});
