/** Procfiles: one `TYPE: COMMAND` per line, as Heroku reads them. */
import { statSync } from "node:fs";
import { basename, join } from "node:path";
import { parseEnv } from "node:util";
import { codeOf, wrongUse } from "../errors.ts";
import { readGiven } from "../given-file.ts";
import { fileBytesMax } from "./limits.ts";

/** A Procfile: its process types by name, in order, and the command that runs once per release. */
export type Procfile = { readonly types: ReadonlyMap<string, string>; readonly release: string | undefined };

const lineForm = /^([A-Za-z0-9_-]+)\s*:\s*(\S.*?)\s*$/;

/** Reads a Procfile. Skips blank lines and those that begin with `#`. */
export function readProcfile(path: string): Procfile {
  const text = fileText(path);
  if (text === undefined)
    throw wrongUse(
      `There is no ${basename(path)} here (${path}).`,
      'Go to the folder that has one, or name it with -f. Its lines look like "web: node server.js".',
    );
  const types = new Map<string, string>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*(?:#|$)/.test(line)) continue;
    const [, type, command] = lineForm.exec(line) ?? [];
    if (type === undefined || command === undefined)
      throw wrongLine(path, index, "it is no process type", 'Write it as "web: node server.js".');
    if (types.has(type)) throw wrongLine(path, index, `${type} is there twice`, "Take one of them away.");
    types.set(type, command);
  }
  const release = types.get("release");
  types.delete("release");
  if (types.size === 0)
    throw wrongUse(`${path} names no process.`, 'Its lines look like "web: node server.js".');
  return { types, release };
}

/** The variables of `.env` in a folder; none if there is no such file, but a folder, as of a virtual environment of Python. */
export function readEnvFile(path: string): Readonly<Record<string, string>> {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return {};
  return parseEnv(fileText(path) ?? "") as Record<string, string>;
}

function fileText(path: string): string | undefined {
  const text = readText(path);
  if (text?.includes("\0"))
    throw wrongUse(`${path} has a zero byte in it.`, "Is it the right file, and saved as UTF-8?");
  return text?.replace(/^\ufeff/, ""); // editors on Windows write it
}

function readText(path: string): string | undefined {
  try {
    return readGiven(path, fileBytesMax).toString();
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    if (codeOf(error) === "EISDIR")
      throw wrongUse(`${path} is a folder.`, `Name the file in it, as in ${join(path, "Procfile")}.`);
    if (codeOf(error) === "EFBIG")
      throw wrongUse(`${path} has more than ${fileBytesMax / 1024} KiB.`, "Is it the right file?");
    if (codeOf(error) === "ETIMEDOUT")
      throw wrongUse(`${path} is a pipe into which nobody writes.`, "Is it the right file?");
    throw wrongUse(`${path} cannot be read (${codeOf(error)}).`, "Fix that, and try again.");
  }
}

const wrongLine = (path: string, index: number, why: string, mend: string) =>
  wrongUse(`Line ${index + 1} of ${path} cannot be used: ${why}.`, mend);
