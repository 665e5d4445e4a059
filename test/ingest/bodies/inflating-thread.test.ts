/** Bodies are inflated whatever becomes of the thread, or their senders are told to send them again. */
import { Worker } from "node:worker_threads";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { InflatingThread } from "../../../src/ingest/bodies/inflating-thread.ts";

const bytes = Buffer.alloc(200_000, "x");
const packed = () => gzipSync(bytes);

test("where the system has no thread to spare, bodies are inflated without one, and it is tried again later", async () => {
  let tries = 0;
  const thread = new InflatingThread(() => {
    tries++;
    throw new Error("ERR_WORKER_INIT_FAILED");
  });
  expect(bytes.equals((await thread.inflate(packed(), bytes.length)) as Uint8Array)).toBe(true);
  expect(await thread.inflate(packed(), bytes.length - 1)).toEqual({ larger: packed() });
  expect(await thread.inflate(packed().subarray(0, 50), bytes.length)).toBe("damaged");
  expect(tries).toBe(1);
});

test("a body that is amid a thread that ends is told so", async () => {
  const thread = new InflatingThread(
    () => new Worker("setTimeout(() => process.exit(), 20)", { eval: true }),
  );
  expect(await thread.inflate(packed(), bytes.length)).toBe("ended");
  expect(bytes.equals((await thread.inflate(packed(), bytes.length)) as Uint8Array)).toBe(true); // by the pool
});

test("one thread inflates all bodies, and gives back those that need more memory", async () => {
  const thread = new InflatingThread();
  expect(await thread.inflate(packed(), bytes.length - 1)).toEqual({ larger: new Uint8Array(packed()) });
  expect(await thread.inflate(packed().subarray(0, 50), bytes.length)).toBe("damaged");
  expect(bytes.equals((await thread.inflate(packed(), bytes.length)) as Uint8Array)).toBe(true);
});
