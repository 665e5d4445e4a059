/** One try to hand a parcel to a log server, and what its answer means. */
import { Agent, request } from "undici";
import { CliError, networkReason } from "../errors.ts";
import type { Destination } from "./parcel.ts";

/** What one try came to. */
export type PostVerdict =
  | { readonly kind: "delivered" }
  | { readonly kind: "retry"; readonly reason: string; readonly afterMs?: number }
  | { readonly kind: "refused"; readonly error: CliError };

/** Sends one body; aborting `signal` ends the try, which then counts as a retry. */
export type Post = (
  destination: Destination,
  body: { readonly bytes: Buffer; readonly count: number; readonly frameId: string },
  signal: AbortSignal,
) => Promise<PostVerdict>;

/** A server may ask for a wait; this much is granted. */
const retryAfterMsMax = 60_000;
/** Of what a server says, so much is shown. */
const saidCharsMax = 200;
const mendCharsMax = 500;

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** Opens connections to log servers; one try takes `tryMsMax` at most. */
export function openPost(tryMsMax: number): { post: Post; close: () => Promise<void> } {
  const agent = new Agent({ connect: { timeout: tryMsMax } });
  const post: Post = async ({ url, authorization }, { bytes, count, frameId }, signal) => {
    try {
      const response = await request(url, {
        method: "POST",
        dispatcher: agent,
        signal: AbortSignal.any([signal, AbortSignal.timeout(tryMsMax)]),
        headers: {
          authorization,
          "content-type": "application/logplex-1",
          "logplex-msg-count": String(count),
          "logplex-frame-id": frameId,
          "x-request-id": frameId,
          "user-agent": "tailrace-cli",
        },
        body: bytes,
      });
      const text = await response.body.text();
      return judge(url, response.statusCode, response.headers, text);
    } catch (error) {
      if (error instanceof Error && error.name === "TimeoutError")
        return { kind: "retry", reason: `the answer took longer than ${tryMsMax / 1000} s` };
      return { kind: "retry", reason: networkReason(error) };
    }
  };
  return { post, close: () => agent.destroy() };
}

/** Total over all statuses: a line is delivered, waits, or is refused with a reason for the person. */
export function judge(url: URL, status: number, headers: Headers, text: string): PostVerdict {
  if (status >= 200 && status < 300) return { kind: "delivered" };
  const said = text.trim().slice(0, saidCharsMax).replace(/\s+/g, " ");
  if (status >= 500 || status === 408 || status === 425 || status === 429) {
    const afterMs = waitMs(headers["retry-after"]);
    const reason = `it answered ${status}${said === "" ? "" : `, "${said}"`}`;
    return { kind: "retry", reason, ...(afterMs !== undefined && { afterMs }) };
  }
  const mend = headers["tailrace-error"];
  return { kind: "refused", error: refusal(url, status, said, typeof mend === "string" ? mend : "") };
}

/** `mend` is the server's own, where it has one. */
function refusal(url: URL, status: number, said: string, mend: string): CliError {
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
  if (status === 404 || status === 405 || (status >= 300 && status < 400))
    return new CliError(
      `${at} takes no logs (it answered ${status}).`,
      `Lines go to ${url.origin}/logs: check LOGS_URL.`,
    );
  return new CliError(
    `${at} refuses these lines: it answered ${status}${said === "" ? "" : `, ${said}`}.`,
    mend === "" ? "They were not stored." : mend.slice(0, mendCharsMax),
  );
}

/** `Retry-After` in seconds or as a date. */
function waitMs(retryAfter: string | string[] | undefined): number | undefined {
  if (typeof retryAfter !== "string") return undefined;
  const ms = /^[0-9]+$/.test(retryAfter) ? Number(retryAfter) * 1000 : Date.parse(retryAfter) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(0, ms), retryAfterMsMax);
}
