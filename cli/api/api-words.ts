/**
 * Words for people who use the command line, where the server speaks to callers of its API: of calls, fields, headers.
 */
import { allDrainFields } from "../../src/core/records/drain-fields.ts";

const otherVersion =
  'The server may be of another version than this command ("tailrace --version"), or a proxy changed the call.';

/** Parts of the mends in `src/errors/`, with their equivalents on the command line. */
const pieces: readonly (readonly [said: RegExp, says: string])[] = [
  [
    /Change its options by PATCH \/apps\/APP\/log-drains\/([^\s;]+);/,
    '"tailrace drains:update $1 -a APP" changes its options;',
  ],
  [/ -a APP\b/g, " -a APP"],
  [/: `GET \/apps\/APP\/releases` lists them\./, "."],
  [/Send one JSON object with `Content-Type: application\/json`\./, otherVersion],
  [/Send `Content-Type: application\/json`\./, otherVersion],
  [/Correct that and send it again; \/docs on this server describes the API\./, otherVersion],
  [/\/docs on this server describes the API\./, "The command's --help tells what it takes."],
  [/\/docs on this server lists the paths\./, otherVersion],
  [
    /Correct the field, or leave it out \(null removes the drain's\)\./,
    "Correct the option, or leave it out (--unset removes the drain's).",
  ],
  [/\(null removes the drain's\), or use/, "(--unset format removes the drain's), or use"],
  [/; null removes a var\./, '; "tailrace config:unset" removes one.'],
  [/after the time in Retry-After/g, "in a moment"],
  [/Send the (?:same )?request again/g, "Try again"],
];

/** Fields of bodies, with the options that set them. */
const optionOf: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    allDrainFields.flatMap(({ name, flag, parts = [] }) => [
      ...(flag ? [[name, flag.name]] : []),
      ...parts.map((part) => [part.name, part.flag.name]),
    ]),
  ),
  ...Object.fromEntries(
    ["since", "until", "verify", "match", "exclude", "level"].map((name) => [name, name]),
  ),
};

/** A message of the server, reworded for the command line. `app`: the one in the request. */
export function inCommands(message: string, app: string): string {
  const said = pieces.reduce(
    (text, [from, to]) => text.replace(from, to.replaceAll(" APP", ` ${app.replaceAll("$", "$$$$")}`)),
    message,
  );
  return said.replace(/`([a-z_]+)`/g, (whole, name: string) => {
    const option = Object.hasOwn(optionOf, name) ? optionOf[name] : undefined;
    return option === undefined ? whole : `--${option}`;
  });
}
