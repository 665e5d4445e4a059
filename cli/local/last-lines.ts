/** The end of `run` and `ship`: sends everything that still waits, and shows progress to whoever is waiting. */
import type { Output } from "../output.ts";
import type { Shipped, Shipper } from "./shipper.ts";

/** When to show progress for the first time; after that, each time after twice as long. */
const firstWordMs = 1_000;

/** Sends the waiting lines for up to `graceMs`; the shipper's `giveUp` ends that earlier. */
export async function sendLastLines(
  shipper: Pick<Shipper, "waiting" | "close">,
  output: Output,
  graceMs: number,
  host: () => string,
): Promise<Shipped> {
  const endMs = performance.now() + graceMs;
  let timer: NodeJS.Timeout;
  let isTold = false;
  const tell = (afterMs: number) => {
    timer = setTimeout(() => {
      const { lines, reason } = shipper.waiting;
      const leftS = Math.ceil((endMs - performance.now()) / 1000);
      if (lines > 0 && leftS > 0) {
        isTold = true;
        output.note(
          `tailrace: ${lines} ${lines === 1 ? "line waits" : "lines wait"} for ${host()}${reason === undefined ? "" : ` (${reason})`}; for ${leftS} s more, or until Ctrl-C`,
        );
      }
      tell(afterMs * 2);
    }, afterMs);
  };
  tell(firstWordMs);
  try {
    const shipped = await shipper.close(graceMs);
    if (isTold && shipped.lost === 0) output.note(`tailrace: ${host()} took the lines that waited`);
    return shipped;
  } finally {
    clearTimeout(timer!);
  }
}
