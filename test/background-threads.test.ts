import { getPriority } from "node:os";
import { expect, test } from "vitest";
import { backgroundThreads, calmBackgroundThreads } from "../src/background-threads.ts";

test("the threads of V8 give way to the event loop, where the system names them", () => {
  const before = getPriority(process.pid);
  calmBackgroundThreads();
  for (const id of backgroundThreads()) expect(getPriority(id)).toBe(10);
  expect(getPriority(process.pid)).toBe(before);
  const [major = 0] = process.versions.node.split(".").map(Number);
  if (process.platform === "linux" && major >= 24) expect(backgroundThreads().length).toBeGreaterThan(0);
});
