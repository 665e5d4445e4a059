/** What tests wait for is seen whenever it came about. */
import { once } from "node:events";
import { expect, test } from "vitest";
import { cliEnvironment, finished, printed, startCli } from "./cli.ts";

test("a wait for what a command printed, or for its end, may begin when that has long been", async () => {
  const child = startCli(["--version"], cliEnvironment(undefined));
  await once(child, "close");
  const { status, stdout, stderr } = await finished(child);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(stdout).toMatch(/^\d+\.\d+/);
  await printed(child, stdout);
  await expect(printed(child, "another text")).rejects.toThrow("it ended without printing another text");
});
