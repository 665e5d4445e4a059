/** Bodies are inflated one at a time, and nobody waits for all bodies of another. */
import zlib, { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { hasZstd } from "../../../src/errors/ingest.ts";
import { overloaded } from "../../../src/errors/store.ts";
import { BodyBudget } from "../../../src/ingest/bodies/body-budget.ts";
import { MemoryBudget } from "../../../src/ingest/queues/memory-budget.ts";

const bytesMax = 1_000_000;

function rig() {
  const pending = new MemoryBudget(10_000_000);
  const bodies = new BodyBudget(pending, {
    appBodyBytesMax: 10_000_000,
    addressBodyBytesMax: 10_000_000,
  });
  const inflate = (packed: Buffer, address = "a") => {
    const reservation = bodies.reserve({ address });
    return { reservation, body: reservation.inflate(packed, bytesMax).finally(() => reservation.release()) };
  };
  return { pending, bodies, inflate };
}

test("addresses take turns", async () => {
  const { inflate } = rig();
  const packed = gzipSync(Buffer.alloc(200_000, "x"));
  const order: string[] = [];
  const begin = (address: string) => inflate(packed, address).body.then(() => order.push(address));
  const many = Array.from({ length: 20 }, () => begin("many"));
  await Promise.all([...many, begin("one")]);
  expect(order.indexOf("one")).toBeLessThanOrEqual(2);
});

const bodies: readonly (readonly [string, Buffer])[] = [
  ["nothing", Buffer.alloc(0)],
  ["a byte", Buffer.from("x")],
  ["as much as is inflated at once", Buffer.alloc(65_536, "x")],
  ["a byte more than that", Buffer.alloc(65_537, "x")],
  ["more than it took packed", Buffer.alloc(900_000, "x")],
  ["as much as is allowed", Buffer.alloc(bytesMax, "x")],
  ["what does not get smaller", Buffer.from(Array.from({ length: 500_000 }, (_, n) => (n * 7919) >> 3))],
];

test.each(bodies)("%s comes out as it went in", async (_, bytes) => {
  const { inflate, pending } = rig();
  expect((await inflate(gzipSync(bytes)).body).equals(bytes)).toBe(true);
  expect(pending.bytes).toBe(0);
});

// Node 20 has none.
test.skipIf(!hasZstd).each(bodies)("%s comes out of zstd as it went in", async (_, bytes) => {
  const { inflate, pending } = rig();
  const { zstdCompressSync } = zlib as unknown as { zstdCompressSync(bytes: Buffer): Buffer };
  expect((await inflate(zstdCompressSync(bytes)).body).equals(bytes)).toBe(true);
  expect(pending.bytes).toBe(0);
});

test("what a body says of its length is not believed when it says too little or cannot be true", async () => {
  const { inflate, pending } = rig();
  const two = Buffer.concat([gzipSync(Buffer.alloc(300_000, "x")), gzipSync(Buffer.from("y"))]);
  expect((await inflate(two).body).length).toBe(300_001);
  const lie = gzipSync(Buffer.from("short"));
  lie.writeUInt32LE(900_000, lie.length - 4);
  const { body } = inflate(lie);
  await expect(body).rejects.toMatchObject({ status: 400 });
  expect(pending.bytes).toBe(0);
});

test("one that inflates to more than the bound is refused there", async () => {
  const { inflate } = rig();
  await expect(inflate(gzipSync(Buffer.alloc(5_000_000))).body).rejects.toMatchObject({ status: 413 });
});

test("one that says that it is longer than the bound is refused before anything of it is inflated", async () => {
  const { inflate, pending } = rig();
  const { body } = inflate(gzipSync(Buffer.alloc(bytesMax + 1)));
  expect(pending.bytes).toBe(0);
  await expect(body).rejects.toMatchObject({ status: 413 });
});

test("one that is no gzip, or is cut off, is told so, whatever its last bytes would say of its length", async () => {
  const { inflate } = rig();
  const ff = Buffer.alloc(4, 0xff);
  const cut = gzipSync(Buffer.from("short")).subarray(0, 12);
  for (const packed of [Buffer.from("no gzip at all"), Buffer.concat([cut, ff])])
    await expect(inflate(packed).body).rejects.toMatchObject({ status: 400 });
});

test("one that gives way while it waits is refused at once, and its place is nobody's", async () => {
  const { inflate, pending } = rig();
  const packed = gzipSync(Buffer.alloc(500_000, "x"));
  const first = inflate(packed);
  const second = inflate(packed);
  const third = inflate(packed);
  second.reservation.evict();
  await expect(second.body).rejects.toMatchObject({ code: overloaded().code });
  expect((await third.body).length).toBe(500_000);
  await first.body;
  expect(pending.bytes).toBe(0);
});
