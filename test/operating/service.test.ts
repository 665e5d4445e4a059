/** The unit of systemd that an operator copies says what the server does. */
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { serveOptions } from "../../src/config.ts";
import { closeMsMax } from "../../src/limits.ts";

const file = new URL("../../examples/systemd/tailrace.service", import.meta.url).pathname;
const unit = readFileSync(file, "utf8");
/** The values of a key, in order. */
const valuesOf = (key: string): string[] =>
  [...unit.matchAll(new RegExp(`^${key}=(.*)$`, "gm"))].map(([, value]) => value!);

test("its command is one that the command line takes", () => {
  const [, command, ...args] = valuesOf("ExecStart")[0]!.split(" ");
  expect(command).toBe("tailrace");
  expect(args[0]).toBe("serve");
  const flags = serveOptions().map(({ long }) => long);
  for (const flag of args.filter((arg) => arg.startsWith("--"))) expect(flags).toContain(flag);
});

test("its folder, its times and its limits are those of the server", () => {
  expect(valuesOf("ExecStart")[0]).toContain(`--data /var/lib/${valuesOf("StateDirectory")[0]}`);
  expect(valuesOf("StateDirectoryMode")).toEqual(["0700"]);
  expect(Number(valuesOf("TimeoutStopSec")[0]) * 1000).toBeGreaterThan(closeMsMax);
  expect(valuesOf("ExecReload")[0]).toContain("-HUP");
  expect(Number(valuesOf("LimitNOFILE")[0])).toBeGreaterThanOrEqual(65_536);
});

test.runIf(existsSync("/usr/bin/systemd-analyze"))("systemd takes it", async () => {
  const { stderr } = await promisify(execFile)("systemd-analyze", ["verify", file]).catch(
    (failure: { stderr: string }) => failure,
  );
  expect(stderr.split("\n").filter((line) => line.includes("tailrace.service"))).toEqual([]);
});
