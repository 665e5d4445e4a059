/** One JSON object a line. `timestamp` and `message` are the names that Vector and Fluent Bit look for; Better Stack has `dt`. */
import { type BodyFormat, serviceOf } from "./body-format.ts";
import { forEachLine, severityWords } from "./text-line.ts";

const ndjson = (timeName: string): BodyFormat => ({
  contentType: "application/x-ndjson",
  *write(slices, context) {
    const app = serviceOf(context);
    let out = "";
    yield* forEachLine(slices, (line) => {
      const object = JSON.stringify({
        [timeName]: line.time,
        app,
        source: line.source,
        dyno: line.dyno,
        severity: severityWords[line.severity],
        facility: line.facility,
        message: line.message,
        msgid: line.msgid,
        structured_data: line.structuredData,
      });
      out += `${object}\n`;
    });
    return Buffer.from(out);
  },
});

export const ndjsonFormat = ndjson("timestamp");
export const betterStackFormat = ndjson("dt");
