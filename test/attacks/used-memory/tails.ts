/** Readers of an app's log: as events and as text, quick, slow, and one that stops. */
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { get } from "node:https";
import { ca } from "../../support/tls.ts";
import type { Witness } from "./sealed-lines.ts";

export type Pace = "quick" | "slow" | "stopped";

/** Of a line as a tail writes it: `TIME SOURCE[PROCESS]: MESSAGE`. */
const lineForm = /^(?:data: )?\S+ \S+\[[^\]]*\]: ([\s\S]*)$/;
/** A stopped one reads so much, and then no more. */
const stoppedBytes = 200_000;

/** Reads until it is closed. */
export async function openTail(
  url: string,
  kind: "events" | "text",
  pace: Pace,
  witness: Witness,
): Promise<() => void> {
  const accept = kind === "events" ? "text/event-stream" : "text/plain";
  const request = get(url, { ca, headers: { accept } });
  request.on("error", () => {});
  const [answer] = (await once(request, "response")) as [IncomingMessage];
  const read = witness.reading();
  let rest = "";
  let bytes = 0;
  answer
    .on("error", () => {})
    .on("data", (chunk: Buffer) => {
      const lines = (rest + chunk.toString("latin1")).split("\n");
      rest = lines.pop()!;
      for (const line of lines) {
        const message = lineForm.exec(line)?.[1];
        if (message?.includes("SEAL ")) read(message);
        else if (line.includes("\u00db")) witness.flaw ??= `${witness.name}: ${line.slice(0, 200)}`;
      }
      bytes += chunk.length;
      if (pace === "stopped" && bytes > stoppedBytes) answer.pause();
      if (pace !== "slow") return;
      answer.pause();
      setTimeout(() => answer.resume(), 20);
    });
  return () => request.destroy();
}
