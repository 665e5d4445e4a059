/** What both encodings of OTLP logs say: lines grouped by who wrote them, and how an answer tells of rejected ones. */
import type { Slice } from "../../../ports.ts";
import { type BodyContext, type BodyFormat, serviceOf } from "./body-format.ts";
import { ProtoReader } from "./protobuf.ts";
import { forEachLine, type TextLine } from "./text-line.ts";

/** One source and dyno, and its lines in order. */
export type OtlpGroup = {
  readonly resource: readonly (readonly [key: string, value: string])[];
  readonly lines: TextLine[];
};

export const scopeName = "tailrace";

/** Syslog severities as the OpenTelemetry log data model maps them (its appendix B). */
export const severityNumbers = [21, 19, 18, 17, 13, 10, 9, 5] as const;

export function otlpGroups(slices: readonly Slice[], context: BodyContext): OtlpGroup[] {
  const groups = new Map<string, OtlpGroup>();
  forEachLine(slices, (line) => {
    const key = `${line.source} ${line.dyno}`;
    let group = groups.get(key);
    if (group === undefined) {
      group = { resource: resourceOf(line, context), lines: [] };
      groups.set(key, group);
    }
    group.lines.push(line);
  });
  return [...groups.values()];
}

function resourceOf({ source, dyno }: TextLine, context: BodyContext): OtlpGroup["resource"] {
  const { appId, appName } = context;
  return [
    ["service.name", serviceOf(context)],
    ["heroku.app.id", appId],
    ...(appName === undefined ? [] : [["heroku.app.name", appName] as const]),
    ["heroku.dyno.name", dyno],
    ["heroku.log.source", source],
  ];
}

/** `partial_success.rejected_log_records` of an ExportLogsServiceResponse in either encoding; 0 when it says nothing. */
export const rejectedIn: NonNullable<BodyFormat["rejected"]> = ({ contentType, body }) => {
  if (body.length === 0) return 0;
  try {
    return /json/i.test(contentType) ? rejectedInJson(body) : rejectedInProtobuf(body);
  } catch {
    return 0; // a 2xx of somebody who does not speak OTLP: the status is all there is
  }
};

function rejectedInJson(body: Buffer): number {
  const answer = JSON.parse(body.toString()) as { partialSuccess?: { rejectedLogRecords?: string | number } };
  return wholeNumber(Number(answer.partialSuccess?.rejectedLogRecords ?? 0));
}

function rejectedInProtobuf(body: Buffer): number {
  const partialSuccess = new ProtoReader(body).last(1);
  if (!(partialSuccess instanceof Uint8Array)) return 0;
  const rejected = new ProtoReader(partialSuccess).last(1);
  return typeof rejected === "bigint" ? wholeNumber(Number(rejected)) : 0;
}

const wholeNumber = (value: number): number => (Number.isSafeInteger(value) && value > 0 ? value : 0);
