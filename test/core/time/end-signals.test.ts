import { expect, test } from "vitest";
import { EndSignals } from "../../../src/core/time/end-signals.ts";

test("a second signal counts after more than a second, however many came before", () => {
  const ends = new EndSignals();
  const atMs = [5_000, 5_001, 5_999, 6_000, 6_001, 9_000];
  expect(atMs.map((ms) => ends.see(ms))).toEqual(["first", "echo", "echo", "echo", "again", "again"]);
});
