/**
 * The server's own log: JSON lines on standard output. Whatever is logged, by us or by a library whose errors carry
 * more than their message, no line contains a key, a token, a session's address or the secret part of a URL.
 */
import { type Logger, pino } from "pino";
import { withoutKeys } from "./core/secrets/secret-forms.ts";
import { terminalText } from "./core/terminal/terminal-text.ts";

/** Bytes that an output which takes nothing may leave in memory; further ones are dropped. */
const freeBytesMax = 1024 * 1024;

/** Secrets besides keys and tokens, and what is left of them. No text is looked at twice by one of them. */
const forms: readonly (readonly [form: RegExp, left: string])[] = [
  [/\/sessions\/[\w-]{20,}(?:\.[\w-]+)?/g, "/sessions/…"],
  [/\b(bearer|basic) [\w+/=.~-]{8,}/gi, "$1 …"],
];
/** A URL in JSON, to the next blank or quote. */
const urlForm = /\b([a-z][a-z0-9+.-]{0,19}:\/\/)((?:[^\s"\\]|\\.)*)/gi;

// User and password, and what stands behind the question mark.
const bareUrl = (scheme: string, rest: string): string => {
  const [place = "", ...query] = rest.split("?");
  const host = place.lastIndexOf("@", place.includes("/") ? place.indexOf("/") : place.length);
  return `${scheme}${host === -1 ? place : `…${place.slice(host)}`}${query.length > 0 ? "?…" : ""}`;
};

/** A line of the log without secrets: of these forms, and `secrets` themselves. */
export function withoutSecrets(line: string, secrets: readonly string[]): string {
  let left = withoutKeys(line);
  left = left.replace(urlForm, (_, scheme: string, rest: string) => bareUrl(scheme, rest));
  for (const [form, instead] of forms) left = left.replace(form, instead);
  for (const secret of secrets) left = left.replaceAll(JSON.stringify(secret).slice(1, -1), "…");
  return left;
}

/** A line as it is written: without secrets, and with nothing in it that drives the terminal of whoever reads it. */
export const writtenLine = (line: string, secrets: readonly string[]): string =>
  terminalText(withoutSecrets(line, secrets), false);

/**
 * Opens the log; `secrets` are what must not be in it besides what has the form of one. An output that is gone (a
 * closed terminal or pipe, a full disk) ends the log, and nothing else.
 */
export function openServerLog(level: string, secrets: readonly string[]): Logger {
  const output = pino.destination({ fd: 1, sync: true, maxLength: freeBytesMax });
  output.on("error", () => {});
  const write = (line: string) => void output.write(writtenLine(line, secrets));
  return pino({ level, base: { pid: process.pid } }, { write });
}
