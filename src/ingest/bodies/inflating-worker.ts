/** The thread that inflates large bodies. */
import { parentPort } from "node:worker_threads";
import { type Inflated, inflate } from "./inflate.ts";

/** The packed body is the thread's, unless it comes back as `larger`. */
export type InflatingTask = { readonly packed: Uint8Array; readonly bytesMax: number };

const port = parentPort!;
port.on("message", ({ packed, bytesMax }: InflatingTask) => {
  const inflated = inflate(packed, bytesMax);
  port.postMessage(inflated, memoryOf(inflated));
});

function memoryOf(inflated: Inflated): ArrayBuffer[] {
  if (inflated === "damaged") return [];
  const { buffer } = "larger" in inflated ? inflated.larger : inflated;
  return [buffer as ArrayBuffer];
}
