/** The user's own layout of lines: `{time} {dyno} {message}`. */
import { InvalidArgumentError } from "commander";
import { fieldAt, readFields } from "../../src/core/message/message-fields.ts";
import type { ShownLine } from "./shown-line.ts";

export type Template = (line: ShownLine) => string;

type Part = (line: ShownLine) => string;

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
  const parts = [...text.matchAll(partForm)].map(([part, name]): Part => {
    if (name !== undefined) return placeholder(name);
    const literal = escapes[part] ?? part;
    return () => literal;
  });
  return (line) => parts.map((part) => part(line)).join("");
}

function placeholder(name: string): Part {
  if (name.startsWith(fieldPrefix)) {
    const path = name.slice(fieldPrefix.length);
    return ({ message }) => textOf(fieldAt(readFields(message)?.fields ?? [], path));
  }
  const known = names.find((other) => other === name);
  if (known === undefined) throw new InvalidArgumentError(`It has {${name}}; there are ${templateNames}.`);
  return (line) => line[known];
}

const textOf = (value: unknown): string =>
  typeof value === "string" ? value : (JSON.stringify(value) ?? "");
