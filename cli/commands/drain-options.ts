/** The options of `drains:add` and `drains:update` besides the URL. */
import type { Command } from "commander";
import { anyOf } from "../../src/core/filter/log-finders.ts";
import {
  allDrainFields,
  type DrainField,
  type DrainFieldPart,
  type DrainFlag,
} from "../../src/core/records/drain-fields.ts";
import type { DrainChangesBody } from "../api/api-types.ts";
import { collect } from "../context.ts";
import { codeOf, wrongUse } from "../errors.ts";
import { readGiven } from "../given-file.ts";

/** The values of the table's flags, under commander's names for them. */
export type DrainOptions = { readonly [option: string]: string | readonly string[] | true | undefined };

/** The fields, or parts of one, each with its flag. */
export const flaggedFields: readonly {
  readonly field: DrainField;
  readonly part?: DrainFieldPart;
  readonly flag: DrainFlag;
}[] = allDrainFields.flatMap((field) => [
  ...(field.flag ? [{ field, flag: field.flag }] : []),
  ...(field.parts ?? []).map((part) => ({ field, part, flag: part.flag })),
]);

/** The options that both commands share, with their help. */
export function addDrainOptions(command: Command): Command {
  for (const { flag } of flaggedFields) {
    const { name, value, help, repeats } = flag;
    if (help === undefined) continue;
    if (repeats) command.option(`--${name} ${value}`, help, collect);
    else command.option(`--${name} ${value}`, help);
  }
  return command;
}

/** The options in the API's form. Leaves out what is not given, and what each command handles itself. */
export function drainOptionsBody(options: DrainOptions): Omit<DrainChangesBody, "url"> {
  const fields = allDrainFields.flatMap((field): [string, unknown][] => {
    if (field.kind === "parts") {
      const parts = partsGiven(field, options);
      return Object.keys(parts).length === 0 ? [] : [[field.name, parts]];
    }
    const value = field.flag?.help === undefined ? undefined : given(field.flag, options);
    if (value === undefined) return [];
    if (field.kind === "headers") return [[field.name, headersOf(value as string[])]];
    return [[field.name, field.kind === "pem" ? pem(`--${field.flag!.name}`, value as string) : value]];
  });
  return Object.fromEntries(fields);
}

/** The given parts of a field. */
export function partsGiven(
  { parts = [] }: DrainField,
  options: DrainOptions,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    parts.flatMap(({ name, kind, flag }) => {
      const values = given(flag, options) as string[] | undefined;
      return values === undefined ? [] : [[name, kind === "pattern" ? anyOf(values) : values]];
    }),
  );
}

const given = (flag: DrainFlag, options: DrainOptions) =>
  options[flag.name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())];

function headersOf(texts: readonly string[]): Record<string, string> {
  const headers = texts.map(headerOf);
  const names = headers.map(([name]) => name.toLowerCase());
  const repeated = names.findIndex((name, index) => names.indexOf(name) !== index);
  if (repeated === -1) return Object.fromEntries(headers);
  throw wrongUse(
    `--header number ${repeated + 1} has the name of one before, ${headers[repeated]![0]}.`,
    "Give each header once; several values go into one, with commas between them.",
  );
}

// A header is identified by its number, because its text may be a secret.
function headerOf(text: string, index: number): [string, string] {
  const match = /^([^:\s]+):\s*(.*)$/.exec(text);
  if (match !== null) return [match[1]!, match[2]!];
  const flaw = text.includes(":") ? "has no name, or one with a blank in it" : "has no colon";
  throw wrongUse(`--header number ${index + 1} ${flaw}.`, 'Write it as --header "Name: value".');
}

function pem(option: string, file: string): string {
  try {
    return readGiven(file).toString();
  } catch (error) {
    const code = codeOf(error) ?? "";
    throw wrongUse(`${option} ${file} ${fileFlaws[code] ?? `cannot be read (${code})`}.`, "Name a PEM file.");
  }
}

const fileFlaws: Readonly<Record<string, string>> = {
  ENOENT: "does not exist",
  EACCES: "may not be read by this user",
  EISDIR: "is a folder",
  EFBIG: "is too large",
  ETIMEDOUT: "is a pipe into which nobody writes",
};
