/** The body of an HTTPS drain, `logplex.md` §2.1: frames as they are stored. */
import { toLogplex } from "../../../core/lines.ts";
import type { BodyFormat } from "./body-format.ts";

export const logplexFormat: BodyFormat = {
  contentType: "application/logplex-1",
  write: (slices) => slices.map((slice) => toLogplex(slice).bytes),
};
