/** The verdict table of `design.md` §7 for answers over HTTP. */
import type { Verdict } from "../../ports.ts";
import type { HttpDestination } from "../destination.ts";
import { explainAnswer } from "./explain.ts";
import type { Secrets } from "./secrets.ts";

/** What of an answer decides. */
export type Answer = {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly contentType: string;
  /** Its first bytes. */
  readonly body: Buffer;
  /** There was more of it. */
  readonly isCut: boolean;
};

export type JudgeOptions = {
  readonly destination: Pick<HttpDestination, "host" | "port">;
  /** What the owner must not be shown, should the receiver repeat it. */
  readonly secrets: Secrets;
  /** The longest wait that a destination may ask for. */
  readonly retryAfterMsMax: number;
  /** Lines of a 2xx that were refused all the same. */
  readonly rejected: number;
};

/** Total over all statuses, so that no parcel leaves uncounted. */
export function judge(answer: Answer, options: JudgeOptions, nowMs: number): Verdict {
  const { status } = answer;
  const { rejected, retryAfterMsMax } = options;
  if (status >= 200 && status < 300)
    return rejected > 0 ? { kind: "delivered", rejected } : { kind: "delivered" };
  const reason = explainAnswer(answer, options.destination, options.secrets);
  if (status === 413) return { kind: "split", reason };
  if (status === 400 || status === 415 || status === 422) return { kind: "refused", reason };
  const afterMs = retryAfterMs(answer.retryAfter, nowMs);
  return afterMs === undefined
    ? { kind: "retry", reason }
    : { kind: "retry", reason, afterMs: Math.min(afterMs, retryAfterMsMax) };
}

/** `Retry-After`, seconds or a date (RFC 9110 §10.2.3), as a wait; undefined when it is absent or neither. */
export function retryAfterMs(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,10}$/.test(text)) return Number(text) * 1000;
  const atMs = Date.parse(text);
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs);
}
