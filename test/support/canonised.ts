import type { CanonicalLines } from "../../src/core/batch/batch.ts";
import { canoniseBody } from "../../src/core/batch/canonise-body.ts";
import { atOnce } from "../../src/core/scheduling/steps.ts";

/** The lines of a body that is not so long that they are in parts. Throws where it is no body of frames. */
export function canonised(
  body: Uint8Array,
  source: string,
  options: Parameters<typeof canoniseBody>[2],
): CanonicalLines {
  const found = atOnce(canoniseBody(body, source, options));
  if (found.kind === "bad") throw new Error(found.reason);
  if (found.parts.length > 1) throw new Error(`the lines are in ${found.parts.length} parts`);
  return found.parts[0] ?? { bytes: Buffer.alloc(0), count: 0, form: "logplex" };
}
