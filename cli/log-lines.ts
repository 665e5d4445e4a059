/** Lines of logs as they are printed. */
import type { SessionBody } from "./api-types.ts";
import { colourLine, colourName } from "./colour.ts";
import type { AppLine } from "./interleave.ts";

type Format = SessionBody["format"];

/** The look of a line: with its app's name when there are several, coloured when wanted. */
export function lineWriter(
  apps: readonly string[],
  format: Format,
  colours: boolean,
): (line: AppLine) => string {
  const several = apps.length > 1;
  if (format === "json")
    return ({ app, line }) => `${several ? JSON.stringify({ app, ...JSON.parse(line) }) : line}\n`;
  const width = Math.max(...apps.map((app) => app.length));
  const names = new Map(
    apps.map((app) => [app, `${colours ? colourName(app) : app}${" ".repeat(width - app.length + 1)}`]),
  );
  const text = colours && format === "text" ? colourLine : (line: string) => line;
  // A message of several lines is one event; each of its lines has its head.
  return ({ app, line }) => {
    const prefix = several ? names.get(app) : "";
    const pieces = line.includes("\n") ? line.split("\n") : [line];
    return pieces.map((piece) => `${prefix}${text(piece)}\n`).join("");
  };
}

/** The time of a line in a format, NaN when it shows none. */
export function timeOf(format: Format): (line: string) => number {
  const form = { text: /^(\S+)/, json: /"time":"([^"]+)"/, raw: /^(?:[0-9]+ )?<[0-9]+>1 (\S+)/ }[format];
  return (line) => Date.parse(form.exec(line)?.[1] ?? "");
}
