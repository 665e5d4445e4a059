import { oneLine } from "../src/core/terminal/terminal-text.ts";
import type { KeyFinding } from "./environment.ts";

/**
 * The command line's own failures: what happened, the mend, and the exit status (1 failed; 2 wrong use, or an option or
 * setting that has to be changed).
 */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly mend: string;
  readonly exitStatus: number;
  /** True if the same call may succeed later: there was no answer, or it asks to come back. */
  readonly passing: boolean;
  /** The reason, if the message also says who did not answer. */
  readonly reason: string | undefined;
  /** The server's error code, from `docs/errors.md`. */
  readonly code: string;
  /** The status of the server's answer, if it was one of ours. */
  readonly status: number | undefined;

  constructor(
    message: string,
    mend: string,
    {
      exitStatus = 1,
      passing = false,
      reason,
      code = "",
      status,
    }: { exitStatus?: number; passing?: boolean; reason?: string; code?: string; status?: number } = {},
  ) {
    super(message);
    this.reason = reason;
    this.code = code;
    this.status = status;
    this.mend = mend;
    this.exitStatus = exitStatus;
    this.passing = passing;
  }
}

/** The command line has an invalid value. */
export const wrongUse = (message: string, mend: string) => new CliError(message, mend, { exitStatus: 2 });

/** Nothing answered at TAILRACE_URL, within `msMax` or at all. */
export function unreachable(url: URL, error: unknown, msMax: number): CliError {
  const isSlow = error instanceof Error && error.name === "TimeoutError";
  const reason = isSlow ? `the answer took longer than ${msMax / 1000} s` : networkReason(error);
  const mend = isSlow ? "The server was reached, and is slow: try again." : mendOfSilence(url, codeOf(error));
  const message = asSentence(`No answer from ${url.origin}: ${reason}`);
  return new CliError(message, mend, { passing: true, reason });
}

function mendOfSilence(url: URL, code = ""): string {
  if (code === "ECONNREFUSED")
    return 'Start a server with "tailrace serve --dev" (in a checkout "npm start"), or set TAILRACE_URL to the address of one that runs.';
  if (url.protocol === "http:" && cuts.includes(code)) return "Check TAILRACE_URL: is it https://?";
  if (code === "CERT_HAS_EXPIRED") return "Its operator has to renew it.";
  return /CERT$|LEAF_SIGNATURE$/.test(code) ? "" : "Check TAILRACE_URL."; // if untrusted, in the reason
}

/** One line that ends with a full stop, which is added if necessary. */
export function asSentence(text: string): string {
  const line = oneLine(text);
  return /[.!?]$/.test(line) ? line : `${line}.`;
}

/** No file can be opened, because this process has too many open; others will be closed. */
export const outOfFiles = (path: string, code: string) =>
  new CliError(
    `${path} cannot be read now (${code}): too many files and connections are open.`,
    "Try again; if this lasts, raise the limit (ulimit -n).",
    { passing: true },
  );

/** The server answered 401. */
export const keyRefused = ({ origin, isFileMissing }: KeyFinding) =>
  new CliError(
    `The server does not accept this API key (${origin}).`,
    `Set TAILRACE_API_KEY to a key of this server: the one that it was started with, else the one in the file api-key of its --data folder${isFileMissing ? ", or TAILRACE_DATA to that folder" : ""}.`,
    { status: 401 },
  );

/** The server answered with an error; its own words come first. A mistake in the request is wrong use. */
export const answered = (status: number, message: string, mend: string, code = "") =>
  new CliError(message, mend, {
    exitStatus: wrongUseStatuses.includes(status) && !wellMeant.test(code) ? 2 : 1,
    passing: status >= 500 || status === 429,
    code,
    status,
  });

const wrongUseStatuses = [400, 413, 415, 422];
/** Codes of valid requests that cannot be granted at the moment (`docs/errors.md`). */
const wellMeant = /_(LIMIT|TAKEN|REPEATED|UNVERIFIED)$|^ADDON_(REFUSED|NOT_DESTROYED)$/;

/** Something answered, but it does not speak this API. */
export const notTailrace = (address: string, what: string) =>
  new CliError(`What answers at ${address} is not a tailrace server: ${what}.`, "Check TAILRACE_URL.");

/** Something answered in JSON, but not what was asked for. */
export const answerUnclear = (address: string, what: string) =>
  new CliError(
    `The answer of ${address} cannot be understood: ${what}.`,
    "Is it a tailrace server? Check TAILRACE_URL, and whether it and this command are of the same version.",
  );

/** The meaning of a network error, in words. */
export function networkReason(error: unknown): string {
  if (error instanceof CliError && error.reason !== undefined) return error.reason;
  const code = codeOf(error);
  const words = code === undefined ? undefined : reasons[code];
  if (words !== undefined) return words;
  return error instanceof Error ? error.message.replace(/\.$/, "") : String(error);
}

/** The code of an error or of its cause, such as `ECONNREFUSED`. */
export function codeOf(error: unknown): string | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 4; at = at.cause, depth++) {
    if (at instanceof AggregateError && at.errors.length > 0) {
      const code = codeOf(at.errors[0]);
      if (code !== undefined) return code;
    }
    if ("code" in at && typeof at.code === "string") return at.code;
  }
  return undefined;
}

const noTls = "it does not speak TLS; is it http://?";
const cuts = ["ECONNRESET", "EPIPE"];

const reasons: Readonly<Record<string, string>> = {
  EPROTO: noTls,
  ERR_SSL_WRONG_VERSION_NUMBER: noTls,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: noTls,
  EADDRINUSE: "it is in use already",
  EACCES: "the system does not permit it",
  ECONNREFUSED: "the connection was refused",
  ECONNRESET: "the connection was cut",
  EPIPE: "the connection was cut",
  ENOTFOUND: "the host name is not known",
  EAI_AGAIN: "the host name could not be looked up",
  EHOSTUNREACH: "the host cannot be reached",
  ENETUNREACH: "the network cannot be reached",
  ETIMEDOUT: "connecting took too long",
  ABORT_ERR: "the answer took too long",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is self-signed (NODE_EXTRA_CA_CERTS names a file to trust)",
  SELF_SIGNED_CERT_IN_CHAIN:
    "its certificate is of an authority that is not trusted (NODE_EXTRA_CA_CERTS names a file to trust)",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    "its certificate is of an authority that is not trusted (NODE_EXTRA_CA_CERTS names a file to trust)",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another host name",
  CERT_HAS_EXPIRED: "its certificate has expired",
};
