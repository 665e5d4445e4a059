/** The body of an HTTPS drain: frames as they are stored (docs/spec/wire-out.md#d1-1). */
import { toLogplex } from "../../../core/batch/lines.ts";
import type { BodyFormat } from "./body-format.ts";

export const logplexFormat: BodyFormat = {
  contentType: "application/logplex-1",
  *write(slices) {
    const bodies: Uint8Array[] = [];
    for (const slice of slices) {
      bodies.push(toLogplex(slice).bytes);
      yield;
    }
    return bodies;
  },
};
