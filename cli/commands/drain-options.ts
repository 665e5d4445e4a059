/** The options of `drains:add` and `drains:update` besides the URL. */
import { readFileSync } from "node:fs";
import type { Command } from "commander";
import type { DrainChangesBody, LineFilterBody, RedactionBody } from "../api-types.ts";
import { anyOf, collect } from "../context.ts";
import { codeOf, wrongUse } from "../errors.ts";

export type DrainOptions = {
  format?: string;
  compression?: string;
  redact?: string[];
  redactPattern?: string[];
  header?: string[];
  source?: string[];
  dyno?: string[];
  match?: string[];
  exclude?: string[];
  secret?: string;
  ca?: string;
  cert?: string;
  key?: string;
};

/** The options of both commands, each with its line of help. */
export const addDrainOptions = (command: Command): Command =>
  command
    .option(
      "--format <format>",
      "how lines are written: logplex, rfc5424, ndjson, otlp, loki, datadog, … (docs/destinations.md)",
    )
    .option("--compression <kind>", "gzip")
    .option("--header <name: value>", "send this header along (may be repeated)", collect)
    .option("--source <source>", "only lines of this source (may be repeated)", collect)
    .option("--dyno <dyno>", "only this process (web.1) or type (web) (may be repeated)", collect)
    .option("--match <re>", "only lines that match (RE2); repeated: any of them", collect)
    .option("--exclude <re>", "not the lines that match (RE2); repeated: none of them", collect)
    .option(
      "--redact <detector>",
      "take these out of lines: email, card, bearer or ip (may be repeated)",
      collect,
    )
    .option("--redact-pattern <re>", "take out what matches (RE2) (may be repeated)", collect)
    .option("--ca <file>", "trust this authority (PEM)")
    .option("--cert <file>", "client certificate (PEM)")
    .option("--key <file>", "key of the client certificate (PEM)");

/** The options in the API's form; parts of a filter or a redaction that are not given are left out. */
export function drainOptionsBody(options: DrainOptions): Omit<DrainChangesBody, "url"> {
  const filter = filterBody(options);
  const redact = redactionBody(options);
  return {
    ...(options.format !== undefined && { format: options.format }),
    ...(options.compression !== undefined && { compression: options.compression }),
    ...(Object.keys(redact).length > 0 && { redact }),
    ...(options.header && { headers: headersOf(options.header) }),
    ...(Object.keys(filter).length > 0 && { filter }),
    ...(options.ca !== undefined && { ca: pem("--ca", options.ca) }),
    ...(options.cert !== undefined && { cert: pem("--cert", options.cert) }),
    ...(options.key !== undefined && { key: pem("--key", options.key) }),
  };
}

export const filterBody = ({ source, dyno, match, exclude }: DrainOptions): LineFilterBody => ({
  ...(source && { sources: source }),
  ...(dyno && { dynos: dyno }),
  ...(match && { match: anyOf(match) }),
  ...(exclude && { exclude: anyOf(exclude) }),
});

export const redactionBody = ({ redact, redactPattern }: DrainOptions): RedactionBody => ({
  ...(redact && { detectors: redact }),
  ...(redactPattern && { patterns: redactPattern }),
});

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

// A header is named by its number, as its text may be a secret.
function headerOf(text: string, index: number): [string, string] {
  const match = /^([^:\s]+):\s*(.*)$/.exec(text);
  if (match !== null) return [match[1]!, match[2]!];
  const flaw = text.includes(":") ? "has no name, or one with a blank in it" : "has no colon";
  throw wrongUse(`--header number ${index + 1} ${flaw}.`, 'Write it as --header "Name: value".');
}

function pem(option: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const code = codeOf(error) ?? "";
    throw wrongUse(`${option} ${file} ${fileFlaws[code] ?? `cannot be read (${code})`}.`, "Name a PEM file.");
  }
}

const fileFlaws: Readonly<Record<string, string>> = {
  ENOENT: "does not exist",
  EACCES: "may not be read by this user",
  EISDIR: "is a folder",
};
