/** A receiver that answers while this process is busy: the answer is there before the system's word on the write. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { kept } from "../../../support/kept.ts";
import { ca, serverTls } from "../../../support/tls.ts";
import { never, parcelOf, sinkOf } from "../parts.ts";

/** Answers each request, which comes in one piece, in a separate thread. It reports its port, and then each connection. */
const receiver = `
const { parentPort, workerData } = require("node:worker_threads");
const take = (socket) => {
  parentPort.postMessage("connection");
  socket.on("error", () => {});
  socket.on("data", () => socket.write("HTTP/1.1 204 No Content\\r\\n\\r\\n"));
};
const server = require("node:tls").createServer(workerData, take);
server.listen(0, "127.0.0.1", () => parentPort.postMessage(server.address().port));
`;

/** Long enough for the answer. */
function block(): void {
  const endMs = performance.now() + 200;
  while (performance.now() < endMs);
}

test("an answer over TLS that came while this process was busy leaves the connection in use", async () => {
  const worker = new Worker(receiver, { eval: true, workerData: serverTls });
  kept({ close: () => worker.terminate() });
  const [port] = (await once(worker, "message")) as [number];
  let connections = 0;
  worker.on("message", () => connections++);
  const sink = kept(sinkOf(`https://localhost:${port}/`, { ca }));
  for (const text of ["one", "two", "three"]) {
    const verdict = await new Promise((resolve) => {
      setTimeout(() => resolve(sink.deliver(parcelOf(text), never)), 1);
      setTimeout(block, 1); // behind the write, and before anything is read
    });
    expect(verdict).toEqual({ kind: "delivered" });
  }
  expect(connections).toBe(1);
});
