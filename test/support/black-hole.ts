/** A port of 127.0.0.1 that takes no connection: its listener never accepts, and its backlog is full. */
import { once } from "node:events";
import { connect } from "node:net";
import { Worker } from "node:worker_threads";

/** Listens with the smallest backlog, and never accepts. */
const listener = `
const { createServer } = require("node:net");
const { parentPort } = require("node:worker_threads");
const server = createServer().listen({ host: "127.0.0.1", port: 0, backlog: 1 }, () => {
  parentPort.postMessage(server.address().port);
  setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
});`;

export async function openBlackHole(): Promise<{ readonly port: number; close(): Promise<void> }> {
  const worker = new Worker(listener, { eval: true });
  const [port] = (await once(worker, "message")) as [number];
  const fillers = Array.from({ length: 8 }, () => connect(port, "127.0.0.1").on("error", () => {}));
  // Linux takes one more than the backlog.
  await Promise.all(fillers.slice(0, 2).map((filler) => once(filler, "connect")));
  return {
    port,
    async close() {
      for (const filler of fillers) filler.destroy();
      await worker.terminate();
    },
  };
}
