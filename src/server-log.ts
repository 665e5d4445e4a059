/**
 * The server's own log: JSON lines on standard output. Whatever is logged, by us or by a library whose errors carry
 * more than their message, no line contains a key, a token, a session's address or the secret part of a URL.
 */
import { type Logger, pino } from "pino";
import { withoutKeys } from "./core/secrets/secret-forms.ts";
import { terminalText } from "./core/terminal/terminal-text.ts";

/** Bytes kept in memory while the output accepts nothing; beyond this, lines are dropped. */
const waitingBytesMax = 1024 * 1024;

/** Secrets besides keys and tokens, and what replaces them. Each form looks at a text only once. */
const forms: readonly (readonly [form: RegExp, left: string])[] = [
  [/\/sessions\/[\w-]{20,}(?:\.[\w-]+)?/g, "/sessions/…"],
  [/\b(bearer|basic) [\w+/=.~-]{8,}/gi, "$1 …"],
];
/** A URL in JSON, up to the next blank or quote. */
const urlForm = /\b([a-z][a-z0-9+.-]{0,19}:\/\/)((?:[^\s"\\]|\\.)*)/gi;

// Hides user, password and query.
const bareUrl = (scheme: string, rest: string): string => {
  const [place = "", ...query] = rest.split("?");
  const host = place.lastIndexOf("@", place.includes("/") ? place.indexOf("/") : place.length);
  return `${scheme}${host === -1 ? place : `…${place.slice(host)}`}${query.length > 0 ? "?…" : ""}`;
};

/** The log line without secrets: those with a known form, and `secrets`. */
export function withoutSecrets(line: string, secrets: readonly string[]): string {
  let left = withoutKeys(line);
  left = left.replace(urlForm, (_, scheme: string, rest: string) => bareUrl(scheme, rest));
  for (const [form, instead] of forms) left = left.replace(form, instead);
  for (const secret of secrets) left = left.replaceAll(JSON.stringify(secret).slice(1, -1), "…");
  return left;
}

/** A line as it is written: without secrets, and without anything that controls the reader's terminal. */
export const writtenLine = (line: string, secrets: readonly string[]): string =>
  terminalText(withoutSecrets(line, secrets), false);

/**
 * Opens the log. `secrets` must not appear in it, besides everything that has the form of a secret. An output that is
 * gone (a closed terminal or pipe, a full disk) ends the log, and nothing else.
 */
export function openServerLog(level: string, secrets: readonly string[]): Logger {
  const output = pino.destination({ fd: 1, sync: true, maxLength: waitingBytesMax });
  output.on("error", () => {});
  const write = (line: string) => void output.write(writtenLine(line, secrets));
  return pino({ level, base: { pid: process.pid } }, { write });
}
