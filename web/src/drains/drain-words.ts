/** Describes a drain in sentences: its state, since when, why, and what to do. */
import { isTestFailed } from "../../../src/core/records/failed-test.ts";
import type { Drain, Replay } from "../api-types.ts";
import { countOf, dayOf, durationOf, linesOf, rateOf, type Zone } from "../parts/words.ts";

type Health = { readonly mark: "good" | "wait" | "bad"; readonly word: string };

export function healthOf(drain: Drain): Health {
  const { state } = drain;
  if (isTestFailed(drain)) return { mark: "wait", word: `${state}, test failed` };
  if (state === "retrying") return { mark: "bad", word: "retrying" };
  if (state === "paused") return { mark: "wait", word: "paused" };
  return { mark: "good", word: state === "delivering" ? "delivering" : "idle, nothing waits" };
}

/**
 * `HOST answered 401 ("no: wrong key"): check the credentials`: behind the last colon with a space stands what to do, as
 * no mend has one itself (`test/drains/sinks/explain.test.ts`). What comes before may repeat a text of somebody else's.
 */
export function causeAndMend(message: string): { readonly cause: string; readonly mend: string } {
  const at = message.lastIndexOf(": ");
  if (at === -1) return { cause: sentence(message), mend: "" };
  return { cause: sentence(message.slice(0, at)), mend: sentence(message.slice(at + 2)) };
}

/** The fate of lines in the meantime, and when it tries next. */
export function whatFollows(drain: Drain, nowMs: number): string {
  const parts: string[] = [];
  if (drain.lag_lines > 0)
    parts.push(
      `${linesOf(drain.lag_lines)} ${drain.lag_lines === 1 ? "waits" : "wait"}, the oldest for ${durationOf(drain.lag_seconds)}.`,
    );
  if (drain.refused > 0) parts.push(`${linesOf(drain.refused)} refused.`);
  if (drain.lost > 0) parts.push(`${linesOf(drain.lost)} lost to retention.`);
  if (drain.refused === 0 && drain.lost === 0) parts.push("Nothing is lost.");
  if (drain.state === "retrying" && drain.next_attempt_at !== null) {
    const seconds = Math.ceil((Date.parse(drain.next_attempt_at) - nowMs) / 1000);
    parts.push(seconds > 0 ? `Next try in ${durationOf(seconds)}.` : "It tries just now.");
  }
  return parts.join(" ");
}

/** Since when it is well again, and what was wrong before; undefined if it never failed, or fails now. */
export function healingOf(drain: Drain, nowMs: number, zone: Zone = "local"): string | undefined {
  const { state, well_since: since, last_error: error } = drain;
  if (error === null || since === null || state === "retrying" || state === "paused") return undefined;
  const sinceMs = Date.parse(since);
  // A refused line does not mean that a drain is unwell.
  if (Date.parse(error.at) > sinceMs + 1_000) return undefined;
  const { cause } = causeAndMend(error.message);
  const well = `Well since ${dayOf(sinceMs, zone, true)}, for ${durationOf(Math.max(0, nowMs - sinceMs) / 1_000)}.`;
  return `${well} Before that, the last time at ${dayOf(Date.parse(error.at), zone, true)}: ${cause}`;
}

/** The progress of a replay, in a sentence. */
export function replayWords({ since, state, lines, left, sent }: Replay, zone: Zone = "local"): string {
  const of = `The replay of lines since ${dayOf(Date.parse(since), zone, true)}`;
  if (state === "waiting") return `${of} waits for its turn: ${linesOf(lines)} to go through.`;
  if (state === "sending")
    return `${of} runs: ${countOf(lines - left)} of ${linesOf(lines)} gone through, ${countOf(sent)} sent.`;
  if (lines === 0) return `${of} found no line.`;
  const kept = lines - sent;
  return `${of} is done: ${linesOf(sent)} sent${kept > 0 ? `, ${countOf(kept)} kept back by its filter, refused or gone` : ""}.`;
}

/** The pace of the last minute: `counted` by the page, or else the server's. */
export function paceOf(drain: Drain, counted: number | undefined): string {
  const rate = drain.state === "retrying" ? 0 : (counted ?? drain.rate);
  if (rate > 0) return `${rateOf(rate)} lines/s delivered in the last minute`;
  if (drain.delivered_at === null) return "nothing sent yet";
  return drain.state === "retrying" ? "nothing gets through" : "quiet";
}

function sentence(text: string): string {
  const first = text.charAt(0);
  const isHost = /^[\w.-]+\.\w+|^\[|^\w+:\d/.test(text.split(" ")[0]!);
  return `${isHost ? first : first.toUpperCase()}${text.slice(1)}${/[.!?"]$/.test(text) ? "" : "."}`;
}
