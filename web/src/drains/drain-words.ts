/** A drain in sentences: how it is, since when, why, and what to do. */
import type { Drain } from "../api-types.ts";
import { durationOf, linesOf, rateOf } from "../parts/words.ts";

export type Health = { readonly mark: "good" | "wait" | "bad"; readonly word: string };

export function healthOf({ state }: Drain): Health {
  if (state === "retrying") return { mark: "bad", word: "retrying" };
  if (state === "paused") return { mark: "wait", word: "paused" };
  return { mark: "good", word: state === "delivering" ? "delivering" : "idle, nothing waits" };
}

/** `HOST answered 401 ("no"): check the credentials` is what happened, and behind the first colon with a space what to do. */
export function causeAndMend(message: string): { readonly cause: string; readonly mend: string } {
  const at = /(?<!\bat|\d): /.exec(message)?.index ?? -1;
  if (at === -1) return { cause: sentence(message), mend: "" };
  return { cause: sentence(message.slice(0, at)), mend: sentence(message.slice(at + 2)) };
}

/** What becomes of lines meanwhile, and when it tries next. */
export function whatFollows(drain: Drain, nowMs: number): string {
  const parts: string[] = [];
  if (drain.lag_lines > 0)
    parts.push(
      `${linesOf(drain.lag_lines)} ${drain.lag_lines === 1 ? "waits" : "wait"}, the oldest for ${durationOf(drain.lag_seconds)}.`,
    );
  parts.push(drain.lost > 0 ? `${linesOf(drain.lost)} lost to retention.` : "Nothing is lost.");
  if (drain.state === "retrying" && drain.next_attempt_at !== null) {
    const seconds = Math.ceil((Date.parse(drain.next_attempt_at) - nowMs) / 1000);
    parts.push(seconds > 0 ? `Next try in ${durationOf(seconds)}.` : "It tries just now.");
  }
  return parts.join(" ");
}

export const paceOf = (drain: Drain): string =>
  drain.rate > 0
    ? `${rateOf(drain.rate)} lines/s delivered`
    : drain.delivered_at === null
      ? "nothing sent yet"
      : "quiet";

function sentence(text: string): string {
  const first = text.charAt(0);
  const isHost = /^[\w.-]+\.\w+|^\[|^\w+:\d/.test(text.split(" ")[0]!);
  return `${isHost ? first : first.toUpperCase()}${text.slice(1)}${/[.!?"]$/.test(text) ? "" : "."}`;
}
