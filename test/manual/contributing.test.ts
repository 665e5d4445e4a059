/** The set-up of CONTRIBUTING.md. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { explainedCommands, stepsOf } from "../support/manual-blocks.ts";
import { root } from "../support/sources.ts";

const run = promisify(execFile);

test("npm can install what the lock file says", async () => {
  expect(explainedCommands["CONTRIBUTING.md"]).toHaveProperty("npm ci");
  await run("npm", ["ci", "--dry-run", "--offline", "--ignore-scripts", "--no-audit"], { cwd: root });
});

test("one test runs by itself", async () => {
  const [one] = stepsOf("CONTRIBUTING.md", "set-up", 1);
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^VITEST|^TEST/.test(name)));
  const { stdout } = await run("bash", ["-c", one!], { cwd: root, env: { ...env, NO_COLOR: "1" } });
  expect(stdout).toMatch(/Test Files +1 passed/);
});
