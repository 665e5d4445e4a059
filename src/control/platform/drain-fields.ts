/**
 * The fields of `core/records/drain-fields.ts` in bodies and replies. Secrets go in and never come out, except those in
 * the URL.
 */
import { allDrainFields, type DrainField, type DrainFieldsBody } from "../../core/records/drain-fields.ts";
import { compressionOf, formatOf } from "../../drains/destination.ts";
import { drainOption } from "../../errors/api.ts";
import type { DrainChanges } from "../../registry/drains.ts";
import type { DrainRecord } from "../../registry/records.ts";
import { arrayOf, bodyOf, flag, optionalText, text } from "../schemas.ts";

const hidden = "(hidden)";

const partsOf = ({ parts = [] }: DrainField) =>
  Object.fromEntries(parts.map(({ name, kind }) => [name, kind === "texts" ? arrayOf(text) : text]));

function taken(field: DrainField): object {
  if (field.kind === "headers") return { type: "object", nullable: true, additionalProperties: text };
  return field.kind === "parts" ? { ...bodyOf(partsOf(field)), nullable: true } : optionalText;
}

/** The schema of each field in a body. */
export const drainFieldsTaken: Readonly<Record<string, object>> = Object.fromEntries(
  allDrainFields.map((field) => [field.name, { ...taken(field), description: field.about }]),
);

/** A field's name and schema in replies; fields that are never shown have none. */
function shown(field: DrainField): readonly (readonly [string, object])[] {
  switch (field.shown) {
    case "never":
      return [];
    case "whether":
      return [["signed", { ...flag, description: `a \`${field.name}\` is set` }]];
    case "names":
      return [
        [
          field.name,
          { type: "object", additionalProperties: text, description: "names; the values are hidden" },
        ],
      ];
    case "always":
      return [[field.name, text]];
    case "value":
      return [
        [field.name, field.kind === "parts" ? { type: "object", properties: partsOf(field) } : optionalText],
      ];
  }
}

/** The schema of each field in a reply. */
export const drainFieldsShown: Readonly<Record<string, object>> = Object.fromEntries(
  allDrainFields.flatMap(shown),
);

/** A drain's fields in their form for replies. */
export function shownFieldsOf(drain: DrainRecord): Readonly<Record<string, unknown>> {
  const { url = "" } = drain;
  // A field that is left out follows from the URL.
  const inForce: Readonly<Record<string, unknown>> = {
    ...drain,
    format: formatOf(url, drain.format),
    compression: compressionOf(url, drain.compression),
  };
  const shownOf = (field: DrainField): readonly (readonly [string, unknown])[] => {
    const value = inForce[field.record];
    if (field.shown === "never") return [];
    if (field.shown === "whether") return [["signed", value !== undefined]];
    if (field.shown === "names") {
      const names = Object.keys(value ?? {});
      return [[field.name, Object.fromEntries(names.map((name) => [name, hidden]))]];
    }
    return [[field.name, value ?? (field.kind === "parts" ? {} : null)]];
  };
  return Object.fromEntries(allDrainFields.flatMap(shownOf));
}

/** The fields in a body, by their names in the record; null removes one. */
export function fieldsIn(body: DrainFieldsBody): DrainChanges {
  const given = body as Readonly<Record<string, unknown>>;
  const fields = allDrainFields.flatMap((field) => {
    const value = given[field.name];
    if (value === undefined) return [];
    return [[field.record, value !== null && field.kind === "parts" ? knownParts(field, value) : value]];
  });
  return Object.fromEntries(fields) as DrainChanges;
}

// A misspelt part must not widen what is sent. Empty parts count as left out.
function knownParts({ name, parts = [] }: DrainField, value: object): object {
  const names = parts.map((part) => part.name);
  const unknown = Object.keys(value).find((part) => !names.includes(part));
  if (unknown !== undefined)
    throw drainOption(name, `it has no part "${unknown.slice(0, 50)}"; its parts are ${names.join(", ")}`);
  const isEmpty = (part: unknown) => part === "" || (Array.isArray(part) && part.length === 0);
  return Object.fromEntries(
    names.flatMap((part) => {
      const found = (value as Readonly<Record<string, unknown>>)[part];
      return found === undefined || found === null || isEmpty(found) ? [] : [[part, found]];
    }),
  );
}
