/**
 * Reads OTLP logs in JSON: lower camel case, ids in hexadecimal digits, 64-bit numbers as numbers or strings,
 * enumerations by number. Unknown fields are skipped.
 */

import type { Steps } from "../scheduling/steps.ts";
import {
  bounded,
  countValue,
  emptyRecord,
  idOf,
  type OtlpAttributes,
  type OtlpRecord,
  type OtlpValue,
  spanIdBytes,
  traceIdBytes,
  type VisitRecord,
  valueDepthMax,
  wholeNumber,
} from "./otlp-logs.ts";

/** A field whose value OTLP does not allow. */
export class MalformedOtlp extends Error {}

type Fields = Readonly<Record<string, unknown>>;

/** Visits one record after another, pausing after each part that it looks at. Throws `MalformedOtlp`. */
export function* visitJson(request: unknown, visit: VisitRecord): Steps<void> {
  for (const logs of listIn(objectAt(request, "the request"), "resourceLogs")) {
    const resourceLogs = objectAt(logs, "resourceLogs");
    const resource = bounded(() => attributesIn(optional(resourceLogs.resource, "resource"), 1));
    for (const item of listIn(resourceLogs, "scopeLogs")) {
      const scopeLogs = objectAt(item, "scopeLogs");
      const scope = textIn(optional(scopeLogs.scope, "scope"), "name");
      const origin = { resource: resource ?? [], scope };
      for (const record of listIn(scopeLogs, "logRecords")) {
        const fields = objectAt(record, "logRecords");
        visit(resource && bounded(() => recordIn(fields)), origin);
        yield;
      }
      yield;
    }
    yield;
  }
}

function recordIn(fields: Fields): OtlpRecord {
  const { body } = fields;
  return {
    ...emptyRecord(),
    timeNanos: numberIn(fields, "timeUnixNano"),
    observedNanos: numberIn(fields, "observedTimeUnixNano"),
    severity: Number(BigInt.asUintN(32, numberIn(fields, "severityNumber"))),
    severityText: textIn(fields, "severityText"),
    body: body === undefined || body === null ? null : valueIn(objectAt(body, "body"), 1),
    attributes: attributesIn(fields, 1),
    flags: Number(BigInt.asUintN(32, numberIn(fields, "flags"))),
    traceId: idOf(textIn(fields, "traceId").toLowerCase(), traceIdBytes),
    spanId: idOf(textIn(fields, "spanId").toLowerCase(), spanIdBytes),
    eventName: textIn(fields, "eventName"),
  };
}

const attributesIn = (fields: Fields, depth: number, name = "attributes"): OtlpAttributes =>
  listIn(fields, name).map((item) => {
    countValue();
    const pair = objectAt(item, name);
    const { value } = pair;
    return [
      textIn(pair, "key"),
      value === undefined || value === null ? null : valueIn(objectAt(value, "value"), depth),
    ];
  });

function valueIn(fields: Fields, depth: number): OtlpValue {
  countValue();
  if (typeof fields.stringValue === "string") return fields.stringValue;
  if (typeof fields.boolValue === "boolean") return fields.boolValue;
  if (fields.intValue !== undefined) return wholeNumber(numberIn(fields, "intValue"));
  // "NaN" and "Infinity" are strings in JSON.
  if (fields.doubleValue !== undefined) return fields.doubleValue as number | string;
  if (typeof fields.bytesValue === "string") return fields.bytesValue;
  if (depth >= valueDepthMax) return null;
  if (fields.arrayValue !== undefined)
    return listIn(objectAt(fields.arrayValue, "arrayValue"), "values").map((value) =>
      valueIn(objectAt(value, "values"), depth + 1),
    );
  if (fields.kvlistValue !== undefined)
    return Object.fromEntries(attributesIn(objectAt(fields.kvlistValue, "kvlistValue"), depth + 1, "values"));
  return null;
}

function listIn(fields: Fields, name: string): readonly unknown[] {
  const list = fields[name];
  if (list === undefined || list === null) return [];
  if (!Array.isArray(list)) throw new MalformedOtlp(`"${name}" is no list.`);
  return list;
}

function objectAt(value: unknown, name: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new MalformedOtlp(`"${name}" is no object.`);
  return value as Fields;
}

const optional = (value: unknown, name: string): Fields =>
  value === undefined || value === null ? {} : objectAt(value, name);

function textIn(fields: Fields, name: string): string {
  const text = fields[name] ?? "";
  if (typeof text !== "string") throw new MalformedOtlp(`"${name}" is no text.`);
  return text;
}

function numberIn(fields: Fields, name: string): bigint {
  const value = fields[name] ?? 0;
  if (typeof value === "number" && Number.isInteger(value)) return BigInt(value);
  if (typeof value === "string" && /^-?\d{1,20}$/.test(value)) return BigInt(value);
  throw new MalformedOtlp(`"${name}" is no whole number.`);
}
