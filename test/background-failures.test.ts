/** Work that nobody waits for: its failures are counted and told, and do not fill the server's log. */
import { expect, test } from "vitest";
import { BackgroundFailures, type FailedWork } from "../src/background-failures.ts";
import { backgroundFailures } from "../src/metrics.ts";

type Logged = { readonly err: unknown; readonly untold?: number };

const away = new Error("the server is away");

/** What was logged, and the count of the metric since it was made. */
async function listening(work: FailedWork) {
  const count = async () =>
    (await backgroundFailures.get()).values.find(({ labels }) => labels.work === work)?.value ?? 0;
  const before = await count();
  const logged: Logged[] = [];
  let nowMs = 0;
  const failures = new BackgroundFailures({
    logger: { warn: (fields: Logged) => logged.push(fields) } as never,
    nowMs: () => nowMs,
  });
  return {
    failures,
    logged,
    counted: async () => (await count()) - before,
    pass: (ms: number) => (nowMs += ms),
  };
}

test("each failure is counted, one of a kind in a minute is logged, with how many were not", async () => {
  const { failures, logged, counted, pass } = await listening("head");
  for (let n = 0; n < 5; n++) failures.note("head", away, "no");
  failures.note("live", away, "another kind");
  pass(60_000);
  failures.note("head", away, "no");
  pass(60_000);
  failures.note("head", away, "no");
  expect(logged).toEqual([{ err: away }, { err: away }, { err: away, untold: 4 }, { err: away }]);
  expect(await counted()).toBe(7);
});
