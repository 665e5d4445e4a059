/** Drains in words. */
import { allDrainFields, type DrainField } from "../src/core/drain-fields.ts";
import type { Drain, DrainTestResult } from "./api-types.ts";
import { asSentence } from "./errors.ts";
import type { Output } from "./output.ts";

/** The result of a `--verify` that added its drain. */
export const taken = ({ last_test: test }: Drain): DrainTestResult => ({
  kind: "delivered",
  reason: null,
  expiring: test?.expiring ?? null,
});

export const firstFinding = (result: DrainTestResult): string => {
  if (isTaken(result)) return "It took a test line";
  return `${result.kind === "retry" ? "It does not take lines yet" : "It refuses lines"}: ${result.reason}`;
};

export const whatFollows = ({ kind }: DrainTestResult, drain: string): string =>
  kind === "retry"
    ? `They wait until it does. "tailrace drains:test ${drain}" shows each step of a test.`
    : `Lines that it refuses are not sent again. "tailrace drains:pause ${drain}" holds them until that is mended.`;

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

/** The facts of a drain, each with its name; absent ones are left out. */
export function factsOf(drain: Drain): [string, string][] {
  const { last_error: error, last_test: test } = drain;
  const facts: [string, unknown][] = [
    ["url", drain.url],
    ["token", drain.token],
    ["id", drain.id],
    ...allDrainFields.flatMap((field) => factsOfField(field, drain)),
    ["state", drain.state],
    ["last error", typeof error === "object" ? [error?.at, error?.message].filter(Boolean).join(" ") : error],
    ["last test", test && [test.at, test.reason ?? "taken", test.expiring].filter(Boolean).join("; ")],
    ["lag", drain.lag_lines && `${drain.lag_lines} lines, ${drain.lag_seconds ?? 0} s`],
    ["next attempt", drain.next_attempt_at],
    ["rate", drain.rate === undefined ? undefined : `${drain.rate} lines/s`],
    ["delivered", drain.delivered],
    ["refused", drain.refused],
    ["lost", drain.lost],
    ["filtered", drain.filtered],
    ["replayed", drain.replayed],
    ["last delivery", drain.delivered_at],
    ["created", drain.created_at],
  ];
  return facts.flatMap(([name, value]) =>
    value === undefined || value === null || value === "" ? [] : [[name, String(value)] as [string, string]],
  );
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
