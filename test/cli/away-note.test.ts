/** Every command that sends lines says that they wait, and that they are taken again. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { cliEnvironment, finished, runCli, startCli } from "../support/cli.ts";
import { FakeTailrace } from "../support/fake-tailrace.ts";
import { until } from "../support/until.ts";

let server: FakeTailrace;
beforeEach(async () => {
  server = await FakeTailrace.open(["blog"]);
});
afterEach(() => server.close());

test("a person who was told at the end of the input that lines wait is told that they were taken", async () => {
  server.logsAnswers = Array.from({ length: 6 }, () => ({ status: 503 }));
  const { status, stderr } = await runCli(["ship", "-a", "blog"], cliEnvironment(server), "a line\n");
  expect(status).toBe(0);
  expect(stderr).toMatch(/1 line waits for [^\n]*\n(.*\n)*tailrace: [\w.:]+ took the lines that waited\n$/);
});

test.each([
  { name: "ship", args: ["ship", "-a", "blog"] },
  { name: "run", args: ["run", "-a", "blog", "--", "cat"] },
])("$name", async ({ args }) => {
  server.logsAnswers = Array.from({ length: 5 }, () => ({ status: 503 }));
  const child = startCli(args, cliEnvironment(server));
  let said = "";
  child.stderr.on("data", (text) => (said += text));
  child.stdin.write("a line\n");
  await until(() => said.includes("takes the lines again"), { tell: () => said });
  child.stdin.end();
  const { status, stderr } = await finished(child);
  expect({
    status,
    notes: stderr.match(/they wait|takes the lines again, those that waited first/g),
  }).toEqual({
    status: 0,
    notes: ["they wait", "takes the lines again, those that waited first"],
  });
  expect(server.lines().filter((line) => line.endsWith("a line"))).toHaveLength(1);
});
