import { expect, test } from "vitest";
import { type Level, opensWithLevel } from "../../../src/core/message/level.ts";

test.each<[text: string, level: Level, isSaid: boolean]>([
  ["ERROR job failed", "err", true],
  ["Error: job failed", "err", true],
  ["[error] job failed", "err", true],
  ["2026-01-02 03:04:05 ERROR job failed", "err", true],
  ["E, [2026-01-02T03:04:05 #7] ERROR -- : no", "err", true],
  ["FATAL no", "err", true],
  ["warn: slow", "warning", true],
  ["WARNING slow", "warning", true],
  ["WARN slow", "err", false],
  ["job failed with ERROR", "err", false],
  ["errors are many", "err", false],
  ["TypeError: no", "err", false],
  ["trace of a fault", "err", false],
  ["", "err", false],
])("%j says of level %s: %s", (text, level, isSaid) => {
  expect(opensWithLevel(text, level)).toBe(isSaid);
});
