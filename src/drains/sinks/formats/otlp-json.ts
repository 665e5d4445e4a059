/** OTLP/HTTP logs as JSON: the same request as in protobuf. */
import type { Steps } from "../../../core/scheduling/steps.ts";
import type { BodyContext, BodyFormat } from "./body-format.ts";
import { type OtlpGroup, otlpGroups, rejectedIn, scopeName, severityNumbers } from "./otlp-model.ts";
import { severityWords, unixNanos } from "./text-line.ts";

export const otlpJsonFormat: BodyFormat = {
  contentType: "application/json",
  *write(slices, context) {
    const resourceLogs: object[] = [];
    for (const group of yield* otlpGroups(slices, context))
      resourceLogs.push(yield* resourceLogsOf(group, context));
    return Buffer.from(JSON.stringify({ resourceLogs }));
  },
  rejected: rejectedIn,
};

function* resourceLogsOf({ resource, lines }: OtlpGroup, { nowMs }: BodyContext): Steps<object> {
  const logRecords: object[] = [];
  for (const line of lines) {
    yield;
    const nanos = unixNanos(line.time);
    logRecords.push({
      ...(nanos === undefined
        ? { observedTimeUnixNano: `${nowMs}000000` }
        : { timeUnixNano: String(nanos), observedTimeUnixNano: String(nanos) }),
      severityNumber: severityNumbers[line.severity],
      severityText: severityWords[line.severity],
      body: { stringValue: line.message },
      attributes: [
        { key: "syslog.facility", value: { intValue: String(line.facility) } },
        ...(line.msgid === undefined ? [] : [text("syslog.msgid", line.msgid)]),
        ...(line.structuredData === undefined ? [] : [text("syslog.structured_data", line.structuredData)]),
      ],
    });
  }
  return {
    resource: { attributes: resource.map(([key, value]) => text(key, value)) },
    scopeLogs: [{ scope: { name: scopeName }, logRecords }],
  };
}

const text = (key: string, value: string) => ({ key, value: { stringValue: value } });
