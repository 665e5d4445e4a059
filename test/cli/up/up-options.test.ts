/** What `up` does unless it is asked for something else. */
import { expect, test } from "vitest";
import { wholeProgram } from "../../support/man-page.ts";

test.each([
  ["not by default, as on Heroku", [], false],
  ["if asked for", ["--runtime-metrics"], true],
  ["not if asked not to, which was needed once", ["--no-runtime-metrics"], false],
] as const)("samples of memory are logged: %s", async (_case, words, isLogged) => {
  const up = (await wholeProgram()).commands.find((command) => command.name() === "up")!;
  up.parseOptions(["--app", "shop", ...words]);
  expect(up.opts().runtimeMetrics ?? false).toBe(isLogged);
});
