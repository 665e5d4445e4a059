/**
 * Checks what was read from the Store: another version of the program, or something else entirely, may have written it.
 */
import { parsePosition } from "../position.ts";

/** Why a value cannot be used, without quoting it, and where it is (`start.line`; empty: the whole). */
type Flaw = { readonly at: string; readonly why: string };
export type Check = (value: unknown) => Flaw | undefined;

const flaw = (why: string): Flaw => ({ at: "", why });
const when =
  (isRight: (value: unknown) => boolean, why: string): Check =>
  (value) =>
    isRight(value) ? undefined : flaw(why);

export const anything: Check = () => undefined;
export const isText = when((value) => typeof value === "string", "is no text");
export const isFlag = when((value) => typeof value === "boolean", "is no true or false");
export const isCount = when(
  (value) => Number.isSafeInteger(value) && (value as number) >= 0,
  "is no whole number of 0 or more",
);
export const isNumber = when((value) => Number.isFinite(value), "is no number");
export const isTime = when(
  (value) => typeof value === "string" && !Number.isNaN(Date.parse(value)),
  "is no time",
);
export const isPosition = when(
  (value) => typeof value === "string" && parsePosition(value) !== undefined,
  "is no position",
);

export const isOneOf = (...values: readonly unknown[]): Check =>
  when((value) => values.includes(value), `is none of ${values.join(", ")}`);

export const isEither =
  (one: Check, other: Check): Check =>
  (value) =>
    one(value) && other(value);

export const isListOf =
  (check: Check): Check =>
  (value) => {
    if (!Array.isArray(value)) return flaw("is no list");
    return value.every((item) => check(item) === undefined)
      ? undefined
      : flaw("has an entry of another form");
  };

/** An object whose keys are the owner's own names. */
export const isMapOf =
  (check: Check): Check =>
  (value) => {
    if (!isObject(value)) return flaw("is no object");
    return Object.values(value).every((item) => check(item) === undefined)
      ? undefined
      : flaw("has a value of another form");
  };

/** Other fields are accepted: a later version of the same form may have more. */
export const hasFields = (
  needed: Readonly<Record<string, Check>>,
  optional: Readonly<Record<string, Check>> = {},
): Check => {
  const checks = Object.entries({ ...needed, ...optional }); // once: records are checked whenever they are read
  return (value) => {
    if (!isObject(value)) return flaw("is no object");
    for (const [name, check] of checks) {
      const field = value[name];
      if (field === undefined && name in optional) continue;
      const found = field === undefined ? flaw("is missing") : check(field);
      if (found !== undefined) return { at: found.at === "" ? name : `${name}.${found.at}`, why: found.why };
    }
    return undefined;
  };
};

/**
 * A record that may have another version than `version`, according to its field of that name. Records without the field
 * have version 1, or version `unnamed`.
 */
export const ofVersion =
  (version: number, check: Check, { unnamed = 1 }: { readonly unnamed?: number } = {}): Check =>
  (value) => {
    const written = isObject(value) ? (value.version ?? unnamed) : version;
    if (written === version) return check(value);
    const named = Number.isSafeInteger(written) ? `version ${written}` : "a version without a number";
    return flaw(`is of ${named}, and this program reads ${version}`);
  };

/** The flaw as a sentence. */
export const inWords = ({ at, why }: Flaw): string => (at === "" ? `it ${why}` : `its \`${at}\` ${why}`);

const isObject = (
  value: unknown,
): value is Readonly<Record<string, unknown>> & { readonly version?: unknown } =>
  typeof value === "object" && value !== null && !Array.isArray(value);
