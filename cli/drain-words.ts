/** Describes drains in words. */

import { allDrainFields, type DrainField } from "../src/core/records/drain-fields.ts";
import { isTestFailed } from "../src/core/records/failed-test.ts";
import type { Drain, DrainTestResult } from "./api/api-types.ts";
import { asSentence } from "./errors.ts";
import { count } from "./logs/search-words.ts";
import type { Output } from "./output.ts";

/** The result of a `--verify` that added its drain. */
export const taken = ({ last_test: test }: Drain): DrainTestResult => ({
  kind: "delivered",
  reason: null,
  expiring: test?.expiring ?? null,
});

/** Reports the test line of a drain that was added or changed. `drain`: its name for commands. */
export async function printFinding(output: Output, result: DrainTestResult, drain: string): Promise<void> {
  await output.print(firstFinding(result));
  if (result.expiring) output.note(asSentence(`But ${result.expiring}`));
  if (!isTaken(result)) output.note(whatFollows(result, drain));
}

const firstFinding = (result: DrainTestResult): string => {
  if (isTaken(result)) return "It took a test line";
  return `${result.kind === "retry" ? "It does not take lines yet" : "It refuses lines"}: ${result.reason}`;
};

const whatFollows = ({ kind }: DrainTestResult, drain: string): string =>
  kind === "retry"
    ? `They wait until it does. "tailrace drains:test ${drain}" shows each step of a test.`
    : `Lines that it refuses are not sent again. "tailrace drains:pause ${drain}" holds them until that is fixed.`;

export const isTaken = ({ kind }: DrainTestResult): boolean => kind === "delivered";

export async function printTestResult(output: Output, key: string, result: DrainTestResult): Promise<void> {
  const { steps = [], reason, expiring } = result;
  const rows = steps.map(({ name, ms, detail, failed }) => [
    name,
    `${ms} ms`,
    failed ? "failed: see below" : detail,
  ]);
  if (rows.length > 0) await output.table(["STEP", "TIME", "FOUND"], rows);
  await output.print(
    isTaken(result)
      ? `The destination of drain ${key} took a test line`
      : `The destination of drain ${key} did not take a test line: ${reason}`,
  );
  if (expiring) output.note(asSentence(`But ${expiring}`));
}

/** The state; an untried drain is idle, which does not make it well. */
export const stateWords = (drain: Drain): string =>
  isTestFailed(drain) ? `${drain.state}, test failed` : (drain.state ?? "");

/** The reason why a drain does not deliver, or will not when lines come; undefined if there is none. */
export function troubleOf(drain: Drain): string | undefined {
  const { token, state, last_error: error, last_test: test } = drain;
  if (isTestFailed(drain)) return `${token} did not take its last test line: ${test?.reason}`;
  const message = typeof error === "object" ? error?.message : error;
  return state === "retrying" && message ? `${token} retries: ${message}` : undefined;
}

/** The text for a replay that was just requested. */
export function replayWords(
  key: string,
  since: string,
  { replay, filter }: Pick<Drain, "replay" | "filter">,
): string {
  const lines = replay?.lines;
  if (lines === undefined) return `Drain ${key} gets the lines since ${since} once more`;
  if (lines === 0) return `There are no lines since ${since} that drain ${key} could get once more`;
  const those = `${linesOf(lines)} since ${since}`;
  return Object.values(filter ?? {}).flat().length === 0
    ? `Drain ${key} gets ${those} once more`
    : `Drain ${key} gets what passes its filter of ${those} once more`;
}

/** `1 line`, `52,001 lines`. */
const linesOf = (lines: number): string => `${count(lines)} ${lines === 1 ? "line" : "lines"}`;

/** The facts about a drain, each with its name; absent ones are left out. */
export function factsOf(drain: Drain, nowMs: number): [string, string][] {
  const { last_error: error, last_test: test } = drain;
  const ledger = ledgerOf(drain);
  const counts: readonly (keyof Drain)[] = ["delivered", "refused", "lost", "filtered"];
  const facts: [string, unknown][] = [
    ["url", drain.url],
    ["token", drain.token],
    ["id", drain.id],
    ["add-on", drain.addon?.name],
    ...allDrainFields.flatMap((field) => factsOfField(field, drain)),
    ["state", stateWords(drain)],
    ["last error", typeof error === "object" ? [error?.at, error?.message].filter(Boolean).join(" ") : error],
    ["last test", test && [test.at, test.reason ?? "taken", test.expiring].filter(Boolean).join("; ")],
    ["lag", drain.lag_lines && `${linesOf(drain.lag_lines)}, ${drain.lag_seconds ?? 0} s`],
    ["next attempt", drain.next_attempt_at && untilText(Date.parse(drain.next_attempt_at) - nowMs)],
    ["rate", drain.rate === undefined ? undefined : `${drain.rate} lines/s`],
    ...(ledger === undefined
      ? counts.map((name): [string, unknown] => [name, drain[name]])
      : [["ledger", ledger] satisfies [string, unknown]]),
    ["replayed", drain.replayed],
    ["replay", drain.replay && replayText(drain.replay)],
    ["last delivery", drain.delivered_at],
    ["well since", drain.well_since],
    ["created", drain.created_at],
  ];
  return facts.flatMap(([name, value]) =>
    value === undefined || value === null || value === "" ? [] : [[name, String(value)] as [string, string]],
  );
}

/** `120 accepted = 100 delivered + 20 waiting + …; nothing is lost`; undefined if the server sends no counts. */
function ledgerOf(drain: Drain): string | undefined {
  const { delivered, lag_lines: waiting, refused, lost, filtered } = drain;
  const parts = { delivered, waiting, refused, lost, filtered };
  const counts = Object.values(parts).filter((lines) => lines !== undefined);
  if (counts.length < Object.keys(parts).length) return undefined;
  const sum = Object.entries(parts).map(([name, lines]) => `${count(lines!)} ${name}`);
  const accepted = counts.reduce((total, lines) => total + lines, 0);
  const outcome = refused === 0 && lost === 0 ? "; nothing is lost" : "";
  return `${count(accepted)} accepted = ${sum.join(" + ")}${outcome}`;
}

/** `1,000 lines since 2026-11-28T10:00:00Z: 400 sent, 600 left`. */
function replayText({ since, state, lines, left, sent }: NonNullable<Drain["replay"]>): string {
  const end = state === "done" ? ", done" : state === "waiting" ? ", not begun yet" : "";
  return `${linesOf(lines)} since ${since}: ${count(sent)} sent, ${count(left)} left${end}`;
}

/** `in 19 s`, `in 3 min`. Failing drains take turns, so one whose time has come may still wait. */
function untilText(ms: number): string {
  if (!(ms > 0)) return "now, in its turn";
  const seconds = Math.ceil(ms / 1_000);
  return seconds < 120 ? `in ${seconds} s` : `in ${Math.round(seconds / 60)} min`;
}

function factsOfField({ name, shown, parts }: DrainField, drain: Drain): [string, unknown][] {
  const value = (drain as Readonly<Record<string, unknown>>)[name];
  const of = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (parts) return parts.map((part) => [part.label, [of[part.name] ?? []].flat().join(", ")]);
  if (shown === "whether") return [["signed", drain.signed ? "yes" : undefined]];
  if (shown !== "names") return shown === "never" ? [] : [[name, value]];
  return [
    [
      name,
      Object.entries(of)
        .map(([header, held]) => `${header}: ${held}`)
        .join(", "),
    ],
  ];
}
