/**
 * The model that both encodings of OTLP logs share: lines grouped by who wrote them, and how an answer reports rejected
 * lines.
 */
import type { Steps } from "../../../core/scheduling/steps.ts";
import type { Slice } from "../../../ports.ts";
import { type BodyContext, type BodyFormat, type Rejected, serviceOf } from "./body-format.ts";
import { ProtoReader } from "./protobuf.ts";
import { forEachLine, type TextLine } from "./text-line.ts";

/** One source and dyno, with its lines in order. */
export type OtlpGroup = {
  readonly resource: readonly (readonly [key: string, value: string])[];
  readonly lines: TextLine[];
};

export const scopeName = "tailrace";

/** The OpenTelemetry log data model's numbers for syslog severities (its appendix B). */
export const severityNumbers = [21, 19, 18, 17, 13, 10, 9, 5] as const;

export function* otlpGroups(slices: readonly Slice[], context: BodyContext): Steps<OtlpGroup[]> {
  const groups = new Map<string, OtlpGroup>();
  yield* forEachLine(slices, (line) => {
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

/** No OTLP message in protobuf begins with this, and some servers label JSON as text. */
const braceByte = 0x7b;

/**
 * `partial_success` of an ExportLogsServiceResponse in either encoding; undefined when it rejects nothing. If the
 * answer was cut, what can be read counts; without their number, `lines` is undefined.
 */
export const rejectedIn: NonNullable<BodyFormat["rejected"]> = ({ contentType, body, isCut }) => {
  if (body.length === 0) return undefined;
  try {
    if (body[0] === braceByte || /json/i.test(contentType))
      return isCut ? inCutJson(body.toString()) : inJson(body.toString());
    return /^$|protobuf|octet-stream/i.test(contentType) ? inProtobuf(body, isCut) : undefined;
  } catch {
    return undefined; // a 2xx from a server that does not speak OTLP: only the status counts
  }
};

type PartialSuccess = { readonly rejectedLogRecords?: string | number; readonly errorMessage?: unknown };

function inJson(text: string): Rejected | undefined {
  const { partialSuccess } = JSON.parse(text) as { partialSuccess?: PartialSuccess };
  return rejected(Number(partialSuccess?.rejectedLogRecords ?? 0), partialSuccess?.errorMessage);
}

function inCutJson(text: string): Rejected | undefined {
  if (!/^\s*\{\s*"partialSuccess"\s*:\s*\{/.test(text)) return undefined;
  const said = /"errorMessage"\s*:\s*("(?:[^"\\]|\\.)*)/.exec(text)?.[1] ?? '"';
  const number = /"rejectedLogRecords"\s*:\s*"?(-?\d+)\D/.exec(text)?.[1];
  return number === undefined
    ? { lines: undefined, said: unquoted(said), isCut: true }
    : rejected(Number(number), unquoted(said), true);
}

function inProtobuf(body: Buffer, isCut: boolean): Rejected | undefined {
  const partialSuccess = new ProtoReader(body, isCut).last(1);
  if (!(partialSuccess instanceof Uint8Array)) return undefined;
  const endsWithBody = partialSuccess.byteOffset + partialSuccess.length === body.byteOffset + body.length;
  const reader = new ProtoReader(partialSuccess, isCut);
  const number = reader.last(1);
  const message = reader.last(2);
  const said = message instanceof Uint8Array ? Buffer.from(message).toString() : "";
  if (typeof number === "bigint") return rejected(Number(number), said, isCut);
  return isCut && endsWithBody ? { lines: undefined, said, isCut } : undefined;
}

function rejected(lines: number, said: unknown, isCut = false): Rejected | undefined {
  if (!(lines >= 1)) return undefined;
  return { lines: Math.floor(lines), said: typeof said === "string" ? said : "", isCut };
}

// A JSON string whose end may be missing.
function unquoted(quoted: string): string {
  try {
    return JSON.parse(`${quoted}"`);
  } catch {
    return quoted.slice(1);
  }
}
