/**
 * Log records of OTLP as syslog frames, docs/spec/wire-in.md#w8-3: severity by the data model's own table, the
 * service as PROCID, everything else as structured data. Our own OTLP drain turns these back into the same records.
 */
import type { OtlpAttributes, OtlpOrigin, OtlpRecord, OtlpValue } from "../../core/wire/otlp-logs.ts";
import { structuredDataEnd } from "../../core/wire/structured-data.ts";

/** Syslog severities by the OpenTelemetry log data model (appendix B), each from its first number on. */
const severityFrom: readonly (readonly [from: number, severity: number])[] = [
  [21, 0],
  [19, 1],
  [18, 2],
  [17, 3],
  [13, 4],
  [10, 5],
  [9, 6],
  [1, 7],
];
const severityOfText: Readonly<Record<string, number>> = {
  fatal: 0,
  emergency: 0,
  emerg: 0,
  alert: 1,
  critical: 2,
  crit: 2,
  error: 3,
  err: 3,
  warning: 4,
  warn: 4,
  notice: 5,
  info: 6,
  information: 6,
  debug: 7,
  trace: 7,
};
const info = 6;
const local7 = 23;
const nanosPerMs = 1_000_000n;
const timeMsMax = Date.UTC(9999, 11, 31);

/** Attributes that become fields of the frame. */
const ownKeys: ReadonlySet<string> = new Set(["syslog.facility", "syslog.msgid", "syslog.structured_data"]);
const processKeys: ReadonlySet<string> = new Set(["service.name", "service.instance.id", "heroku.dyno.name"]);

/** The fields that all records of an origin share; a resource may be long, and have many records. */
type SharedFields = { readonly process: string; readonly data: string };
const sharedFields = new WeakMap<OtlpOrigin, SharedFields>();

/** One frame, without its length. */
export function frameOf(record: OtlpRecord, origin: OtlpOrigin, nowMs: number): string {
  const facility = Number(textOf(find(record.attributes, "syslog.facility")) || local7);
  const isFacility = Number.isInteger(facility) && facility >= 0 && facility <= local7;
  const pri = (isFacility ? facility : local7) * 8 + severityOf(record);
  const msgid = wordOf(record.eventName || textOf(find(record.attributes, "syslog.msgid")), 32);
  const shared = sharedFieldsOf(origin);
  const data = `${dataOf(record, origin.scope)}${shared.data}` || "-";
  return `<${pri}>1 ${timeOf(record, nowMs)} - - ${shared.process} ${msgid} ${data} ${textOf(record.body)}`;
}

function severityOf({ severity, severityText }: OtlpRecord): number {
  for (const [from, level] of severityFrom) if (severity >= from && severity <= 24) return level;
  return severityOfText[severityText.toLowerCase()] ?? info;
}

function timeOf({ timeNanos, observedNanos }: OtlpRecord, nowMs: number): string {
  const nanos = timeNanos || observedNanos;
  const ms = Number(nanos / nanosPerMs);
  if (nanos === 0n || ms > timeMsMax) return new Date(nowMs).toISOString();
  const micros = String((nanos / 1_000n) % 1_000n).padStart(3, "0");
  return new Date(ms).toISOString().replace("Z", `${micros}+00:00`);
}

/** The dyno where one of our drains names it; otherwise the service and its instance. */
function processOf(resource: OtlpAttributes): string {
  const dyno = textOf(find(resource, "heroku.dyno.name"));
  if (dyno !== "") return wordOf(dyno, 128);
  const name = textOf(find(resource, "service.name"));
  const instance = textOf(find(resource, "service.instance.id"));
  const isNamed = instance === name || instance.startsWith(`${name}.`);
  const parts = isNamed ? [instance] : [name, instance];
  return wordOf(parts.filter((part) => part !== "").join("."), 128);
}

function sharedFieldsOf(origin: OtlpOrigin): SharedFields {
  const known = sharedFields.get(origin);
  if (known !== undefined) return known;
  const others = origin.resource.filter(
    ([key]) => !processKeys.has(key) && !key.startsWith("telemetry.") && !key.startsWith("heroku."),
  );
  const fields = { process: processOf(origin.resource), data: elementOf("resource@32473", others) };
  sharedFields.set(origin, fields);
  return fields;
}

function dataOf({ attributes, traceId, spanId, flags }: OtlpRecord, scope: string): string {
  const ids: OtlpAttributes = [
    ["trace_id", traceId],
    ["span_id", spanId],
    ["trace_flags", traceId === "" ? "" : (flags & 0xff).toString(16).padStart(2, "0")],
    ["scope", scope === "tailrace" ? "" : scope],
  ];
  const given = textOf(find(attributes, "syslog.structured_data"));
  const bytes = Buffer.from(given);
  const isData = given !== "" && structuredDataEnd(bytes, 0, bytes.length) === bytes.length;
  const others = attributes.filter(([key]) => !ownKeys.has(key));
  return [isData ? given : "", elementOf("otel@32473", ids), elementOf("attributes@32473", others)].join("");
}

function elementOf(id: string, pairs: OtlpAttributes): string {
  const parameters = pairs.flatMap(([key, value]) => {
    const text = textOf(value);
    const name = key
      .replace(/[^!#-<>-\\^-~]/g, "_")
      .slice(0, 32)
      .replaceAll("\\", "_");
    return text === "" || name === "" ? [] : [` ${name}="${text.replace(/["\\\]]/g, "\\$&")}"`];
  });
  return parameters.length === 0 ? "" : `[${id}${parameters.join("")}]`;
}

const find = (attributes: OtlpAttributes, key: string): OtlpValue =>
  attributes.find(([name]) => name === key)?.[1] ?? null;

const textOf = (value: OtlpValue): string =>
  value === null ? "" : typeof value === "string" ? value : JSON.stringify(value);

const wordOf = (text: string, charsMax: number): string =>
  text.replace(/[^!-~]|\]/g, "?").slice(0, charsMax) || "-";
