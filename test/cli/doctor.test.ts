/** `tailrace doctor` as a process: what it prints, and how it ends. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runCli } from "../support/cli.ts";

let data: string;
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), "tailrace-doctor-"));
});
afterEach(() => rmSync(data, { recursive: true, force: true }));
const doctor = (...args: string[]) =>
  runCli(["doctor", "--http", "127.0.0.1:0", "--syslog", "off", "--data", data, ...args], {
    PATH: process.env.PATH ?? "",
  });

test("prints a line for each part, and ends with 1 exactly when one is not well", async () => {
  const { status, stdout, stderr } = await doctor();
  expect(stderr).toBe("");
  expect(stdout).toMatch(/^(ok|warn|BAD|\?) +http /);
  expect(stdout).toMatch(/^ok +folder /m);
  expect(status).toBe(/^(warn|BAD)/m.test(stdout) ? 1 : 0);
});

test("--json prints the findings, and something ill ends it with 1", async () => {
  const { status, stdout } = await doctor("--json", "--public-url", "https://nowhere.invalid");
  expect(JSON.parse(stdout)).toContainEqual({
    part: "dns",
    state: "ill",
    what: "nowhere.invalid has no address",
    mend: expect.any(String),
  });
  expect(status).toBe(1);
});

test("a setting that is wrong is wrong use", async () => {
  expect(await doctor("--nats-replicas", "many")).toMatchObject({ status: 2, stdout: "" });
});
