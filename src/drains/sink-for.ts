/** From a drain's record to the sink that its destination needs. */
import type { Sink } from "../ports.ts";
import type { DrainRecord } from "../registry/records.ts";
import { parseDestination } from "./destination.ts";
import { type HttpsSinkOptions, httpsSink } from "./sinks/https.ts";

export type SinkOptions = Omit<HttpsSinkOptions, "destination" | "drainToken" | "ca" | "cert" | "key">;

/** Makes a sink for each record it is given. Throws an AppError when the record's URL cannot be used (any more). */
export function sinksFor(options: SinkOptions): (drain: DrainRecord) => Sink {
  return (drain) => {
    const { url = "", format, token, ca, cert, key } = drain;
    const destination = parseDestination(url, { format, allow: options.policy });
    return httpsSink({
      ...options,
      destination,
      drainToken: token,
      ...(ca && { ca }),
      ...(cert && { cert }),
      ...(key && { key }),
    });
  };
}
