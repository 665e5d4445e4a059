/** One attempt to send a parcel to a log server, and the meaning of its answer. */

import { HttpClient } from "../api/http-client.ts";
import { asSentence, CliError, networkReason } from "../errors.ts";
import type { Destination, Endpoint } from "./destinations.ts";

/** The result of one try. */
type PostVerdict =
  | { readonly kind: "delivered" }
  | { readonly kind: "retry"; readonly reason: string; readonly afterMs?: number; readonly answered?: true }
  | { readonly kind: "refused"; readonly error: CliError };

/** Sends one body; aborting `signal` ends the try, which then counts as a retry. */
export type Post = (
  destination: Destination,
  body: { readonly bytes: Buffer; readonly count: number; readonly parcelId: string },
  signal: AbortSignal,
) => Promise<PostVerdict>;

/** The longest wait that a server is granted. */
const retryAfterMsMax = 60_000;
/** How much of a server's text is shown. */
const saidCharsMax = 500;
const mendCharsMax = 500;
/** An answer that is longer counts as none. */
const answerBytesMax = 1024 * 1024;

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** Opens connections to log servers; one try takes at most `tryMsMax`. */
export function openPost(tryMsMax: number): { post: Post; close: () => void } {
  const client = new HttpClient({ connectMsMax: tryMsMax, textBytesMax: answerBytesMax });
  const post: Post = async (destination, { bytes, count, parcelId }, signal) => {
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(tryMsMax)]);
    try {
      const endpoint = await settledBefore(destination.endpoint(), bounded);
      const response = await client.request(new URL(endpoint.url), {
        method: "POST",
        signal: bounded,
        headers: {
          authorization: endpoint.authorization,
          "content-type": "application/logplex-1",
          "logplex-msg-count": String(count),
          "logplex-frame-id": parcelId,
          "x-request-id": parcelId,
          "user-agent": "tailrace-cli",
        },
        body: bytes,
      });
      const text = await response.text();
      return judge(endpoint, response.statusCode, response.headers, text);
    } catch (error) {
      if (error instanceof CliError && !error.passing) return { kind: "refused", error };
      if (error instanceof Error && error.name === "TimeoutError")
        return { kind: "retry", reason: `the answer took longer than ${tryMsMax / 1000} s` };
      // The tokens could not be asked for: an answer of the API, with its mend.
      const answered = error instanceof CliError && error.reason === undefined;
      const reason = networkReason(error);
      return answered
        ? { kind: "retry", reason: firstSentence(reason).replace(/\.$/, ""), answered }
        : { kind: "retry", reason };
    }
  };
  return { post, close: () => client.close() };
}

/** The promise's value, unless the signal is aborted first. */
async function settledBefore<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
  });
  try {
    signal.throwIfAborted();
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** Covers every status: a line is delivered, waits, or is refused with a reason for the user. */
export function judge(endpoint: Endpoint, status: number, headers: Headers, text: string): PostVerdict {
  if (status >= 200 && status < 300) return { kind: "delivered" };
  const said = messageIn(text).trim().slice(0, saidCharsMax).replace(/\s+/g, " ");
  if (status >= 500 || status === 408 || status === 425 || status === 429) {
    const afterMs = waitMs(headers["retry-after"]);
    const reason = `it answered ${status}${said === "" ? "" : `, "${firstSentence(said)}"`}`;
    return { kind: "retry", reason, answered: true, ...(afterMs !== undefined && { afterMs }) };
  }
  const mend = headers["tailrace-error"];
  return { kind: "refused", error: refusal(endpoint, status, said, typeof mend === "string" ? mend : "") };
}

/** `mend` is the server's own, if it sent one. */
function refusal({ url, namedBy }: Endpoint, status: number, said: string, mend: string): CliError {
  const at = url.origin + url.pathname;
  if (status === 401)
    return new CliError(
      `${at} does not accept the token (it answered 401).`,
      '"tailrace tokens -a APP" lists the tokens of an app with their addresses.',
    );
  if (status === 403)
    return new CliError(
      "The API key in LOGS_URL may not write here: it is limited to some apps, or to reading.",
      'Use a token of the app: "tailrace tokens -a APP" lists them with their addresses.',
    );
  if ([404, 405, 421].includes(status) || (status >= 300 && status < 400))
    return new CliError(
      asSentence(`${at} takes no logs (it answered ${status}${said === "" ? "" : `, ${said}`})`),
      namedBy === "LOGS_URL"
        ? `Set LOGS_URL to an address that takes lines, as ${url.origin}/logs may be; "tailrace tokens -a APP" lists such addresses.`
        : "The server named this address for senders: its operator sets --ingest-url to one that takes lines.",
    );
  return new CliError(
    `${at} refuses these lines: it answered ${status}${said === "" ? "" : `, ${said}`}.`,
    mend === "" ? "They were not stored." : mend.slice(0, mendCharsMax),
  );
}

/** A message without the mend behind it: it is told at many tries. */
const firstSentence = (text: string): string => text.replace(/([.!?]) .*$/s, "$1");

/** Ingest answers in plain text; a proxy in its place may answer in JSON. */
function messageIn(text: string): string {
  try {
    const { message } = JSON.parse(text);
    return typeof message === "string" ? message : text;
  } catch {
    return text;
  }
}

/** `Retry-After` in seconds or as a date. */
function waitMs(retryAfter: string | string[] | undefined): number | undefined {
  if (typeof retryAfter !== "string") return undefined;
  const ms = /^[0-9]+$/.test(retryAfter) ? Number(retryAfter) * 1000 : Date.parse(retryAfter) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(0, ms), retryAfterMsMax);
}
