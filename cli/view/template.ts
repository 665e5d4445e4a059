/** The user's own layout of lines: `{time} {dyno} {message}`. */
import { InvalidArgumentError } from "commander";
import { fieldAt, readFields } from "../../src/core/message/message-fields.ts";
import { oneLine } from "../../src/core/terminal/terminal-text.ts";
import { rowsIn, type ShownLine } from "./shown-line.ts";

/** The rows of a line: one for each row of its message, if that is shown. */
export type Template = (line: ShownLine) => readonly string[];

/** `row`: of the message. */
type Part = (line: ShownLine, row: string) => string;

const names = ["app", "position", "time", "source", "dyno", "severity", "level", "message"] as const;
const fieldPrefix = "fields.";

/** For the help of `--template`. */
export const templateNames = `${names.map((name) => `{${name}}`).join(" ")} {${fieldPrefix}NAME}`;

const partForm = /\{\{|\}\}|\\[nt\\]|\{([^{}]*)\}|[^{}\\]+|[\s\S]/g;
const escapes: Readonly<Record<string, string>> = {
  "{{": "{",
  "}}": "}",
  "\\n": "\n",
  "\\t": "\t",
  "\\\\": "\\",
};

/** Reads a template; `{{` and `}}` are braces, `\t` and `\n` are the same as in JSON. */
export function readTemplate(text: string): Template {
  let showsMessage = false;
  const parts = [...text.matchAll(partForm)].map(([part, name]): Part => {
    showsMessage ||= name === "message";
    if (name !== undefined) return placeholder(name);
    const literal = escapes[part] ?? part;
    return () => literal;
  });
  return (line) =>
    (showsMessage ? rowsIn(line.message) : [""]).map((row) => parts.map((part) => part(line, row)).join(""));
}

function placeholder(name: string): Part {
  if (name.startsWith(fieldPrefix)) {
    const path = name.slice(fieldPrefix.length);
    return ({ message }) => oneLine(textOf(fieldAt(readFields(message)?.fields ?? [], path)));
  }
  const known = names.find((other) => other === name);
  if (known === undefined) throw new InvalidArgumentError(`It has {${name}}; there are ${templateNames}.`);
  return known === "message" ? (_, row) => row : (line) => oneLine(line[known]);
}

const textOf = (value: unknown): string =>
  typeof value === "string" ? value : (JSON.stringify(value) ?? "");
