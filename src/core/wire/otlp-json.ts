/**
 * Reads OTLP logs in JSON: lower camel case, ids in hexadecimal digits, 64-bit numbers as numbers or strings,
 * enumerations by number. Unknown fields are skipped.
 */

import type { Steps } from "../scheduling/steps.ts";
import { eachOf, LongJson, openObject, readJson, readWhole } from "./long-json.ts";
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

/**
 * Brackets, braces and commas of a record or a resource that is longer than a piece. An attribute has four, and is two of
 * the values that `bounded` counts.
 */
const jsonValuesMax = 30_000;

type Fields = Readonly<Record<string, unknown>>;

/**
 * Visits one record after another, pausing after each part that it looks at. Unknown fields, and records that are too
 * long, are not looked into if they are longer than a piece. Throws `MalformedOtlp`, or `SyntaxError` where it is no JSON.
 */
export function* visitJson(body: Buffer, visit: VisitRecord): Steps<void> {
  const request = yield* membersOf(readJson(body), "the request");
  yield* eachOf(longListIn(request, "resourceLogs"), function* (logs) {
    const resourceLogs = yield* membersOf(logs, "resourceLogs");
    const resource = partOf(resourceLogs.resource ?? {}, "resource", (fields) => attributesIn(fields, 1));
    yield* eachOf(longListIn(resourceLogs, "scopeLogs"), function* (item) {
      const scopeLogs = yield* membersOf(item, "scopeLogs");
      const scope = partOf(scopeLogs.scope ?? {}, "scope", (fields) => textIn(fields, "name"));
      const origin = { resource: resource ?? [], scope: scope ?? "" };
      const isBounded = resource !== undefined && scope !== undefined;
      yield* eachOf(longListIn(scopeLogs, "logRecords"), (record) => {
        visit(isBounded ? partOf(record, "logRecords", recordIn) : undefined, origin);
      });
    });
  });
}

/** The members of an object, of which some may be a `LongJson`. */
function* membersOf(value: unknown, name: string): Steps<Fields> {
  return value instanceof LongJson && !value.isList ? yield* openObject(value) : objectAt(value, name);
}

/** The result of `read` for an object; undefined where it has more values than a record may have. */
function partOf<Part>(value: unknown, name: string, read: (fields: Fields) => Part): Part | undefined {
  const whole = value instanceof LongJson ? readWhole(value, jsonValuesMax) : value;
  return whole === undefined ? undefined : bounded(() => read(objectAt(whole, name)));
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

function longListIn(fields: Fields, name: string): LongJson | readonly unknown[] {
  const list = fields[name];
  return list instanceof LongJson && list.isList ? list : listIn(fields, name);
}

function objectAt(value: unknown, name: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value) || value instanceof LongJson)
    throw new MalformedOtlp(`"${name}" is no object.`);
  return value as Fields;
}

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
