/** What `npm pack` gives works where only npm is. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readText, root } from "../support/sources.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tailrace-package-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The ordinary npm, not told anything by the npm that may have started these tests. */
function run(program: string, args: readonly string[], cwd: string): string {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_|^TAILRACE_/i.test(name)),
  );
  return execFileSync(program, args, { cwd, env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

test("the packed package installs elsewhere, and its tailrace runs", () => {
  run("npm", ["pack", "--pack-destination", folder, "--loglevel=error"], root);
  const [tarball] = readdirSync(folder);
  const quick = ["--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"];
  run("npm", ["install", "--prefix", folder, join(folder, tarball!), ...quick], folder);
  const { version } = JSON.parse(readText("package.json"));
  const tailrace = join(folder, "node_modules", ".bin", "tailrace");
  expect(run(tailrace, ["--version"], folder)).toBe(`${version}\n`);
  expect(run(tailrace, ["--help"], folder)).toContain("serve");
  expect(run(tailrace, ["serve", "--help"], folder)).toContain("--retain-app");
}, 90_000);
