/** The body of an HTTPS drain, `logplex.md` §2.1: frames as they are stored. */
import { toLogplex } from "../../../core/lines.ts";
import type { BodyFormat } from "./body-format.ts";

export const logplexFormat: BodyFormat = {
  contentType: "application/logplex-1",
  write(slices) {
    const bodies = slices.map((slice) => toLogplex(slice).bytes);
    return bodies.length === 1 ? bodies[0]! : Buffer.concat(bodies);
  },
};
