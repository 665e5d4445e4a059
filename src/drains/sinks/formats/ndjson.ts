/** One JSON object a line. `timestamp` and `message` are the names that Vector, Fluent Bit and Better Stack look for. */
import { type BodyFormat, serviceOf } from "./body-format.ts";
import { forEachLine, severityWords } from "./text-line.ts";

export const ndjsonFormat: BodyFormat = {
  contentType: "application/x-ndjson",
  write(slices, context) {
    const app = serviceOf(context);
    let out = "";
    forEachLine(slices, (line) => {
      const object = JSON.stringify({
        timestamp: line.time,
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
};
