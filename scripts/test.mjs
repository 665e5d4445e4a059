// npm test: everything that has to hold before a change lands. Arguments go to vitest (`npm test -- test/core`).
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureBuilt } from "./lib/build.mjs";
import { ensureNatsServer } from "./lib/nats-server.mjs";
import { ensureHeroku, ensurePackages } from "./lib/packages.mjs";
import { inRoot } from "./lib/paths.mjs";
import { envWith, pinnedNode } from "./lib/pinned-node.mjs";
import { ensureReceivers } from "./lib/receivers.mjs";
import { run, runInFront } from "./lib/run.mjs";
import { command, say, step } from "./lib/steps.mjs";

/** Tests that run Heroku's own command line, or one of its clients. */
const herokuTests = [
  "test/e2e/heroku.test.ts",
  "test/e2e/heroku-dynos.test.ts",
  "test/e2e/heroku-commands.test.ts",
  "test/e2e/heroku-clients.test.ts",
  "test/e2e/heroku-mcp.test.ts",
  "test/manual/addons.test.ts",
  "test/manual/heroku.test.ts",
  "test/readme.test.ts",
];

/** What Node has compiled: of the hundreds of commands that tests start, each would compile the same again. */
const compiled = inRoot("node_modules", ".cache", "node-compiled");

await command(async (args) => {
  await ensurePackages();
  if (herokuTests.some((file) => runs(args, file))) await ensureHeroku();
  const nats = await ensureNatsServer();
  const receivers = await ensureReceivers();
  await ensureBuilt();
  const node = await pinnedNode();
  const failed = [];

  const check = async (name, script, ...options) => {
    const { status, output } = await step(name, () =>
      run(node, [inRoot("node_modules", script), ...options]),
    );
    if (status === 0) return;
    process.stdout.write(`${output}\n`);
    failed.push(name);
  };
  await check("format and lint", "@biomejs/biome/bin/biome", "check", "--error-on-warnings", ".");
  await check("types", "typescript/bin/tsc", "-p", "tsconfig.json");
  await check("types of the page", "typescript/bin/tsc", "-p", "web/tsconfig.json");

  const tests = await runTests(node, { NATS_SERVER: nats, ...receivers }, args);
  if (tests.status !== 0) failed.push("tests");
  else if (tests.passed === 0) failed.push("tests: none ran");
  if (failed.length > 0) say(`failed: ${failed.join(", ")}`);
  process.stdout.write(`${tests.passed} passed, ${tests.failed} failed\n`);
  return failed.length === 0 ? 0 : 1;
});

/** Whether vitest, given these arguments, runs that file: it takes parts of paths, and all files when there is none. */
function runs(args, file) {
  const parts = args.filter((arg) => !arg.startsWith("-"));
  return parts.length === 0 || parts.some((part) => file.includes(part));
}

/** vitest talks to the user itself; the closing line takes its numbers from a reporter of ours. */
async function runTests(node, programs, args) {
  const folder = mkdtempSync(join(tmpdir(), "tailrace-tests-"));
  const counts = join(folder, "counts.json");
  try {
    const vitest = inRoot("node_modules", "vitest", "vitest.mjs");
    const reporters = ["--reporter=default", `--reporter=${inRoot("scripts", "lib", "count-reporter.mjs")}`];
    const env = envWith(node, { ...programs, TEST_COUNTS: counts, NODE_COMPILE_CACHE: compiled });
    const status = await runInFront(node, [vitest, "run", ...reporters, ...args], { env });
    const none = { passed: 0, failed: 0 };
    return { status, ...(existsSync(counts) ? JSON.parse(readFileSync(counts, "utf8")) : none) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
