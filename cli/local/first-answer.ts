/** Asks the server about an app or a key before the first line is sent. */
import { setTimeout as sleep } from "node:timers/promises";
import { CliError } from "../errors.ts";
import type { Output } from "../output.ts";
import type { Destination } from "./destinations.ts";
import { startMsMax } from "./limits.ts";

/**
 * Throws a failure that retrying cannot mend. A server that is away or slow delays nothing: `follows` says what happens
 * then. Resolves to whether the user was told that.
 */
export async function awaitFirstAnswer(
  destination: Destination,
  output: Output,
  follows: string,
): Promise<boolean> {
  const late = new AbortController();
  const silent = sleep(startMsMax, "silent" as const, { signal: late.signal });
  silent.catch(() => {}); // an answer came
  try {
    const first = await Promise.race([destination.endpoint(), silent]);
    if (first !== "silent") return false;
    output.note(`tailrace: ${destination.host()} has not answered yet. ${follows}`);
  } catch (error) {
    if (!(error instanceof CliError && error.passing)) throw error;
    output.note(`tailrace: ${error.message} ${follows}`);
  } finally {
    late.abort();
  }
  return true;
}
