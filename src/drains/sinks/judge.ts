/** The verdict on an HTTP answer: docs/spec/wire-out.md#d3-1 and the clauses after it. */
import { causeOfStatus } from "../../core/records/failure-cause.ts";
import type { Secrets } from "../../core/secrets/repeated-secrets.ts";
import type { Verdict } from "../../ports.ts";
import type { HttpDestination } from "../destination.ts";
import { explainAnswer, explainRejection } from "./explain-answer.ts";
import type { Rejected } from "./formats/body-format.ts";
import type { Answer } from "./http/answer.ts";
import { retryAfterMs } from "./retry-after.ts";

type JudgeOptions = {
  readonly destination: Pick<HttpDestination, "host" | "port">;
  /** Secrets that must not be shown to the owner if the receiver repeats them. */
  readonly secrets: Secrets;
  /** The longest wait that a destination may ask for. */
  readonly retryAfterMsMax: number;
  /** Lines that were refused although the answer is a 2xx. */
  readonly rejected: Rejected | undefined;
  /** The number of lines that were sent. */
  readonly lines: number;
};

/** Covers every status, so that no parcel is left uncounted. */
export function judge(answer: Answer, options: JudgeOptions, nowMs: number): Verdict {
  const { status } = answer;
  const { rejected, lines, retryAfterMsMax } = options;
  if (status >= 200 && status < 300) {
    if (rejected === undefined) return { kind: "delivered" };
    const reason = explainRejection(rejected, lines, options.destination, options.secrets);
    return { kind: "delivered", rejected: Math.min(rejected.lines ?? lines, lines), reason };
  }
  const reason = explainAnswer(answer, options.destination, options.secrets);
  const cause = causeOfStatus(status);
  if (status === 413) return { kind: "split", reason };
  if (status === 400 || status === 415 || status === 422) return { kind: "refused", reason, cause };
  const afterMs = retryAfterMs(answer.retryAfter, nowMs);
  return afterMs === undefined
    ? { kind: "retry", reason, cause }
    : { kind: "retry", reason, cause, afterMs: Math.min(afterMs, retryAfterMsMax) };
}
