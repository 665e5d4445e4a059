/** Loki's push API in JSON: one stream for each source and dyno, in the order of their lines. */
import { type BodyFormat, serviceOf } from "./body-format.ts";
import { forEachLine, severityWords, unixNanos } from "./text-line.ts";

type Entry = readonly [nanoseconds: string, line: string, metadata: { readonly level: string }];

export const lokiFormat: BodyFormat = {
  contentType: "application/json",
  *write(slices, context) {
    const app = serviceOf(context);
    const nowNanos = BigInt(context.nowMs) * 1_000_000n;
    const streams = new Map<string, { stream: Record<string, string>; values: Entry[] }>();
    yield* forEachLine(slices, ({ source, dyno, time, message, severity }) => {
      const key = `${source} ${dyno}`;
      let stream = streams.get(key);
      if (stream === undefined) {
        stream = { stream: { service_name: app, app, source, dyno }, values: [] };
        streams.set(key, stream);
      }
      const nanos = unixNanos(time) ?? nowNanos;
      stream.values.push([String(nanos), message, { level: severityWords[severity]! }]);
    });
    return Buffer.from(JSON.stringify({ streams: [...streams.values()] }));
  },
};
