/**
 * Splunk's HTTP Event Collector, `/services/collector/event`: event objects one after another. Blank lines do not get
 * here.
 */
import { type BodyFormat, serviceOf } from "./body-format.ts";
import { forEachLine, severityWords, unixNanos } from "./text-line.ts";

export const splunkFormat: BodyFormat = {
  contentType: "application/json",
  *write(slices, context) {
    const app = serviceOf(context);
    let out = "";
    yield* forEachLine(slices, ({ source, dyno, time, message, severity }) => {
      const nanos = unixNanos(time) ?? BigInt(context.nowMs) * 1_000_000n;
      const object = JSON.stringify({
        time: secondsOf(nanos),
        host: dyno,
        source,
        event: message,
        fields: { app, dyno, severity: severityWords[severity] },
      });
      out += `${object}\n`;
    });
    return Buffer.from(out);
  },
};

// Text, since a double cannot hold every present-day time to the microsecond.
const secondsOf = (nanos: bigint): string =>
  `${nanos / 1_000_000_000n}.${String(nanos % 1_000_000_000n)
    .padStart(9, "0")
    .slice(0, 6)}`;
