/** Reads OTLP logs in protobuf, by the field numbers of opentelemetry-proto 1.x. Unknown fields are skipped. */

import type { Steps } from "../scheduling/steps.ts";
import {
  bounded,
  countField,
  countValue,
  emptyRecord,
  idOf,
  type OtlpAttributes,
  type OtlpOrigin,
  type OtlpRecord,
  type OtlpValue,
  partBytesMax,
  spanIdBytes,
  traceIdBytes,
  type VisitRecord,
  valueDepthMax,
  wholeNumber,
} from "./otlp-logs.ts";
import { ProtobufFields } from "./protobuf-fields.ts";

/** Visits one record after another, pausing after each field. Throws `MalformedProtobuf`. */
export function* visitProtobuf(body: Buffer, visit: VisitRecord): Steps<void> {
  const request = new ProtobufFields(body);
  for (; request.next(); yield) if (request.field === 1) yield* visitResource(request, visit);
}

// Fields come in any order, so those that records share are looked for first. A list of the others could be far
// larger than they are.
function* visitResource(logs: ProtobufFields, visit: VisitRecord): Steps<void> {
  let resource: OtlpAttributes | undefined = [];
  for (const fields = logs.message(); fields.next(); yield)
    if (fields.field === 1) resource = partIn(fields, (part) => attributesIn(part, 1));
  for (const fields = logs.message(); fields.next(); yield)
    if (fields.field === 2) yield* visitScope(fields, resource, visit);
}

function* visitScope(
  logs: ProtobufFields,
  resource: OtlpAttributes | undefined,
  visit: VisitRecord,
): Steps<void> {
  let scope: string | undefined = "";
  for (const fields = logs.message(); fields.next(); yield)
    if (fields.field === 1) scope = partIn(fields, nameIn);
  const origin: OtlpOrigin = { resource: resource ?? [], scope: scope ?? "" };
  const isTooLong = resource === undefined || scope === undefined;
  for (const fields = logs.message(); fields.next(); yield)
    if (fields.field === 2) visit(isTooLong ? undefined : partIn(fields, recordIn), origin);
}

/** The message of the field, as read by `read`; undefined if it is larger than a line may be. */
function partIn<Part>(fields: ProtobufFields, read: (message: ProtobufFields) => Part): Part | undefined {
  const message = fields.message();
  return fields.end - fields.start > partBytesMax ? undefined : bounded(() => read(message));
}

/** Moves to the next field of a part that is read in one go. */
function hasNext(fields: ProtobufFields): boolean {
  if (!fields.next()) return false;
  countField();
  return true;
}

function nameIn(scope: ProtobufFields): string {
  let name = "";
  while (hasNext(scope)) if (scope.field === 1) name = scope.text();
  return name;
}

function recordIn(fields: ProtobufFields): OtlpRecord {
  const record = emptyRecord();
  const attributes: (readonly [string, OtlpValue])[] = [];
  while (hasNext(fields)) {
    switch (fields.field) {
      case 1:
        record.timeNanos = fields.unsigned();
        break;
      case 2:
        record.severity = Number(BigInt.asUintN(32, fields.unsigned()));
        break;
      case 3:
        record.severityText = fields.text();
        break;
      case 5:
        record.body = valueIn(fields.message(), 1);
        break;
      case 6:
        attributes.push(pairIn(fields.message(), 1));
        break;
      case 8:
        record.flags = Number(BigInt.asUintN(32, fields.unsigned()));
        break;
      case 9:
        record.traceId = idOf(fields.content().toString("hex"), traceIdBytes);
        break;
      case 10:
        record.spanId = idOf(fields.content().toString("hex"), spanIdBytes);
        break;
      case 11:
        record.observedNanos = fields.unsigned();
        break;
      case 12:
        record.eventName = fields.text();
        break;
    }
  }
  record.attributes = attributes;
  return record;
}

// The KeyValues of a message, each in the field with that number.
function attributesIn(fields: ProtobufFields, number: number, depth = 1): OtlpAttributes {
  const attributes: (readonly [string, OtlpValue])[] = [];
  while (hasNext(fields)) if (fields.field === number) attributes.push(pairIn(fields.message(), depth));
  return attributes;
}

function pairIn(fields: ProtobufFields, depth: number): readonly [string, OtlpValue] {
  countValue();
  let key = "";
  let value: OtlpValue = null;
  while (hasNext(fields)) {
    if (fields.field === 1) key = fields.text();
    else if (fields.field === 2) value = valueIn(fields.message(), depth);
  }
  return [key, value];
}

function valueIn(fields: ProtobufFields, depth: number): OtlpValue {
  countValue();
  let value: OtlpValue = null;
  while (hasNext(fields)) {
    switch (fields.field) {
      case 1:
        value = fields.text();
        break;
      case 2:
        value = fields.unsigned() !== 0n;
        break;
      case 3:
        value = wholeNumber(fields.signed());
        break;
      case 4:
        value = fields.double();
        break;
      case 5:
        value = depth < valueDepthMax ? arrayIn(fields.message(), depth + 1) : null;
        break;
      case 6:
        value = depth < valueDepthMax ? objectOf(attributesIn(fields.message(), 1, depth + 1)) : null;
        break;
      case 7:
        value = fields.content().toString("base64");
        break;
    }
  }
  return value;
}

function arrayIn(fields: ProtobufFields, depth: number): OtlpValue {
  const values: OtlpValue[] = [];
  while (hasNext(fields)) if (fields.field === 1) values.push(valueIn(fields.message(), depth));
  return values;
}

// Without a prototype, because a key may be `__proto__`.
const objectOf = (pairs: OtlpAttributes): OtlpValue =>
  Object.assign(Object.create(null) as object, Object.fromEntries(pairs)) as { [key: string]: OtlpValue };
