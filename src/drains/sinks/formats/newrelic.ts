/** New Relic's Log API, in its detailed form: first what all lines have in common, then the lines. */
import { type BodyFormat, serviceOf } from "./body-format.ts";
import { forEachLine, severityWords, unixNanos } from "./text-line.ts";

export const newRelicFormat: BodyFormat = {
  contentType: "application/json",
  *write(slices, context) {
    const service = serviceOf(context);
    const logs: object[] = [];
    yield* forEachLine(slices, ({ source, dyno, time, message, severity }) => {
      const nanos = unixNanos(time);
      logs.push({
        timestamp: nanos === undefined ? context.nowMs : Number(nanos / 1_000_000n),
        message,
        attributes: { source, dyno, level: severityWords[severity] },
      });
    });
    const attributes = { "service.name": service, "heroku.app.id": context.appId, logtype: "heroku" };
    return Buffer.from(JSON.stringify([{ common: { attributes }, logs }]));
  },
};
