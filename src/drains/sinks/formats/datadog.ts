/** Datadog's `POST /api/v2/logs`: an array of items with Datadog's reserved attributes. */
import { type BodyFormat, serviceOf } from "./body-format.ts";
import { forEachLine, severityWords } from "./text-line.ts";

export const datadogFormat: BodyFormat = {
  contentType: "application/json",
  *write(slices, context) {
    const service = serviceOf(context);
    const items: object[] = [];
    yield* forEachLine(slices, ({ source, dyno, time, message, severity }) =>
      items.push({
        ddsource: "heroku",
        ddtags: `app:${service},source:${source},dyno:${dyno}`,
        hostname: dyno,
        service,
        status: severityWords[severity],
        timestamp: time,
        message,
      }),
    );
    return Buffer.from(JSON.stringify(items));
  },
};
