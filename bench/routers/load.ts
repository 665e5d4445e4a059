/**
 * The load's own process: sender and receiver with one clock. It is told what to do over IPC, one thing after the other,
 * and answers each.
 */
import type { Way } from "./job.ts";
import { Receiver } from "./receiver.ts";
import { type Sending, send } from "./senders.ts";

export type Order =
  | { readonly kind: "listen"; readonly way: Way }
  | { readonly kind: "send"; readonly sending: Sending; readonly comesOut: boolean };
export type Answer =
  | { readonly kind: "listening"; readonly port: number }
  | {
      readonly kind: "received";
      readonly seconds: number;
      readonly loadCpuSeconds: number;
      readonly lateMs: readonly number[];
    }
  | { readonly kind: "failed"; readonly reason: string };

let receiver: Receiver | undefined;

async function answerTo(order: Order): Promise<Answer> {
  if (order.kind === "listen") {
    receiver = await Receiver.open(order.way);
    return { kind: "listening", port: receiver.port };
  }
  const { sending, comesOut } = order;
  const lateMs = sending.linesPerSecond === undefined || !comesOut ? [] : receiver!.measure();
  const before = receiver?.lines ?? 0;
  const startedMs = performance.now();
  const cpu = process.cpuUsage();
  await Promise.all([send(sending), comesOut && receiver!.has(before + sending.lines)]);
  const { user, system } = process.cpuUsage(cpu);
  const seconds = (performance.now() - startedMs) / 1000;
  return { kind: "received", seconds, loadCpuSeconds: (user + system) / 1e6, lateMs };
}

process.on("message", (order: Order) => {
  answerTo(order)
    .catch((failure: Error): Answer => ({ kind: "failed", reason: failure.message }))
    .then((answer) => process.send?.(answer));
});
process.on("disconnect", () => process.exit());
