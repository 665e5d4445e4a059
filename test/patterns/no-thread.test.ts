/** Patterns on a system that has no thread to spare: the job waits until there is one. */
import { pino } from "pino";
import { expect, onTestFinished, test, vi } from "vitest";
import { matchTask } from "../../src/core/patterns/pattern-work.ts";
import { patternLimits } from "../../src/limits.ts";
import { PatternPool } from "../../src/patterns/pool.ts";

const system = vi.hoisted(() => ({ refusals: 0 }));

vi.mock(import("node:worker_threads"), async (original) => {
  const real = await original();
  class Worker extends real.Worker {
    constructor(...how: ConstructorParameters<typeof real.Worker>) {
      if (system.refusals-- > 0) throw Object.assign(new Error("EAGAIN"), { code: "ERR_WORKER_INIT_FAILED" });
      super(...how);
    }
  }
  return { ...real, Worker };
});

test("a job waits for a thread that the system refuses at first", async () => {
  system.refusals = 1;
  const pool = new PatternPool({ limits: patternLimits, logger: pino({ level: "silent" }) });
  onTestFinished(() => pool.close());
  const text = Buffer.from("line");
  const task = matchTask({ bytes: text, lines: [0], spans: [0, text.length], expressions: [] }, 0, 100);
  const took: string[] = [];
  const job = {
    owner: "app",
    task: () => task,
    take: () => took.push("took") > 0,
    giveUp: () => took.push("gave up") > 0,
  };
  await pool.run(job).done;
  expect(took).toEqual(["took"]);
  expect(system.refusals).toBeLessThan(0);
});
