/** What runs patterns, for tests: as a server has it, with a budget that no test uses up by the way. */
import { pino } from "pino";
import { PatternWork, type Task } from "../../src/core/patterns/pattern-work.ts";
import { patternLimits } from "../../src/limits.ts";
import { Patterns, type PatternsParts } from "../../src/patterns/patterns.ts";

export const openPatterns = (
  limits: Partial<PatternsParts["limits"]> = {},
  parts: Partial<PatternsParts> = {},
): Patterns =>
  new Patterns({
    limits: { ...patternLimits, burstMs: 1e9, ...limits },
    logger: pino({ level: "silent" }),
    ...parts,
  });

/**
 * The same without threads: for tests in which all that happens has to happen at the time that they say. An answer comes
 * when it may, and costs so much.
 */
export function patternsInProcess({
  mayAnswer = () => undefined,
  costMs = 0,
  limits = {},
  ...parts
}: Pick<Partial<PatternsParts>, "nowMs"> & {
  mayAnswer?: () => Promise<void> | undefined;
  costMs?: number;
  limits?: Partial<PatternsParts["limits"]>;
} = {}): Patterns {
  const work = new PatternWork(10);
  const openThread = () => ({
    isEnded: false,
    async run(task: Task) {
      await mayAnswer();
      return { kind: "outcome", outcome: work.do(task, () => false), ms: costMs, lateMs: 0 } as const;
    },
    async end() {},
  });
  return openPatterns({ hereMax: 0, ...limits }, { openThread, ...parts });
}
