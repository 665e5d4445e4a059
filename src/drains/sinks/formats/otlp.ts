/** OTLP/HTTP logs as protobuf: an ExportLogsServiceRequest, written by hand because its messages are few and stable. */
import type { Steps } from "../../../core/scheduling/steps.ts";
import type { BodyFormat } from "./body-format.ts";
import { type OtlpGroup, otlpGroups, rejectedIn, scopeName, severityNumbers } from "./otlp-model.ts";
import { ProtoWriter } from "./protobuf.ts";
import { severityWords, type TextLine, unixNanos } from "./text-line.ts";

export const otlpFormat: BodyFormat = {
  contentType: "application/x-protobuf",
  *write(slices, context) {
    const request = new ProtoWriter();
    const nowNanos = BigInt(context.nowMs) * 1_000_000n;
    for (const group of yield* otlpGroups(slices, context))
      request.message(1, yield* resourceLogs(group, nowNanos));
    return request.bytes;
  },
  rejected: rejectedIn,
};

// One writer per depth: a message must be complete before it becomes a field of the message around it.
function* resourceLogs({ resource, lines }: OtlpGroup, nowNanos: bigint): Steps<ProtoWriter> {
  const inner = { pair: new ProtoWriter(), value: new ProtoWriter() };
  const attributes = new ProtoWriter();
  for (const [key, value] of resource) {
    inner.value.clear().string(1, value);
    pair(attributes, 1, key, inner);
  }
  const scopeLogs = new ProtoWriter();
  const scope = new ProtoWriter();
  scope.string(1, scopeName);
  scopeLogs.message(1, scope);
  const record = new ProtoWriter();
  for (const line of lines) {
    yield;
    writeRecord(record.clear(), line, nowNanos, inner);
    scopeLogs.message(2, record);
  }
  const out = new ProtoWriter();
  out.message(1, attributes);
  out.message(2, scopeLogs);
  return out;
}

type Inner = { readonly pair: ProtoWriter; readonly value: ProtoWriter };

function writeRecord(record: ProtoWriter, line: TextLine, nowNanos: bigint, inner: Inner): void {
  const nanos = unixNanos(line.time);
  if (nanos !== undefined) record.fixed64(1, nanos);
  record.uint(2, severityNumbers[line.severity]!);
  record.string(3, severityWords[line.severity]!);
  inner.value.clear().string(1, line.message);
  record.message(5, inner.value);
  inner.value.clear().uint(3, line.facility);
  pair(record, 6, "syslog.facility", inner);
  if (line.msgid !== undefined) {
    inner.value.clear().string(1, line.msgid);
    pair(record, 6, "syslog.msgid", inner);
  }
  if (line.structuredData !== undefined) {
    inner.value.clear().string(1, line.structuredData);
    pair(record, 6, "syslog.structured_data", inner);
  }
  record.fixed64(11, nanos ?? nowNanos);
}

// Adds a KeyValue with what was written to `value`.
function pair(out: ProtoWriter, field: number, key: string, { pair: keyValue, value }: Inner): void {
  keyValue.clear().string(1, key);
  keyValue.message(2, value);
  out.message(field, keyValue);
}
