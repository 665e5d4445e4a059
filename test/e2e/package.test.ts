/** The package as npm makes it, installed elsewhere: the command works there, and what the image copies is what it has. */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freePorts } from "../support/nats.ts";

const root = new URL("../../", import.meta.url).pathname;
const run = promisify(execFile);
const installMsMax = 240_000;

let folder: string;
let command: string;
/** Paths in the package. */
let packed: readonly string[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "tailrace-package-"));
  // What `prepack` builds is built already.
  const pack = ["pack", "--ignore-scripts", "--json", "--pack-destination", folder];
  const { stdout } = await run("npm", pack, { cwd: root, maxBuffer: 64 * 1024 * 1024 });
  const [{ filename, files }] = JSON.parse(stdout);
  packed = files.map(({ path }: { path: string }) => path);
  const elsewhere = join(folder, "elsewhere");
  const install = [
    "install",
    "--prefix",
    elsewhere,
    "--no-audit",
    "--no-fund",
    "--prefer-offline",
    "--omit=dev",
  ];
  await run("npm", [...install, join(folder, filename)], { maxBuffer: 64 * 1024 * 1024 });
  command = join(elsewhere, "node_modules", ".bin", "tailrace");
}, installMsMax);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("its command says its version and its help", async () => {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  expect((await run(command, ["--version"])).stdout).toBe(`${version}\n`);
  expect((await run(command, ["--help"])).stdout).toContain("tailrace serve --dev");
});

test("its server starts in an empty folder, stores a line, shows it, and shows its manual", async () => {
  const [port] = await freePorts(1);
  const url = `http://127.0.0.1:${port}`;
  const env = {
    PATH: process.env.PATH,
    TAILRACE_URL: url,
    TAILRACE_API_KEY: "test-key-of-a-package-000000000000",
  };
  const server = run(command, ["serve", "--dev", "--http", `127.0.0.1:${port}`, "--syslog", "off"], {
    cwd: folder,
    env,
  });
  try {
    await expect
      .poll(
        () =>
          fetch(`${url}/healthz`).then(
            ({ status }) => status,
            () => 0,
          ),
        { timeout: 20_000 },
      )
      .toBe(200);
    const tailrace = (...args: string[]) => run(command, args, { cwd: folder, env });
    await tailrace("apps:create", "shop");
    await tailrace("run", "-a", "shop", "--dyno", "web.1", "--", "echo", "it works");
    expect((await tailrace("logs", "-a", "shop")).stdout).toMatch(/app\[web\.1\]: it works$/m);
    for (const path of ["/docs", "/docs/manual", "/docs/manual/docs/drains"])
      expect((await fetch(url + path)).status).toBe(200);
  } finally {
    server.child.kill("SIGTERM");
  }
  await server;
});

test("it has what it needs and nothing of a checkout", () => {
  expect(packed).toContain("dist/cli/main.js");
  expect(packed.filter((path) => /^(?:test|bench|src|cli|node_modules)\//.test(path))).toEqual([]);
  expect(packed.filter((path) => /\.(?:log|tgz|env)$|api-key/.test(path))).toEqual([]);
});

test("the image has every file of the package", () => {
  const { files } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    files: readonly string[];
  };
  const dockerfile = readFileSync(join(root, "Dockerfile"), "utf8");
  const lastStage = dockerfile.slice(dockerfile.lastIndexOf("\nFROM "));
  const copied = [...lastStage.matchAll(/^COPY (?:--from=build )?(.+)$/gm)].flatMap(([, words]) =>
    words!
      .split(" ")
      .slice(0, -1)
      .map((word) => word.replace(/^\/build\//, "")),
  );
  const missing = files.filter((file) => !copied.some((one) => file === one || file.startsWith(`${one}/`)));
  expect(missing).toEqual([]);
  const ignored = readFileSync(join(root, ".dockerignore"), "utf8").split("\n");
  for (const [, words] of dockerfile.matchAll(/^COPY (?!--from)(.+)$/gm))
    for (const word of words!.split(" ").slice(0, -1)) {
      expect(existsSync(join(root, word)), word).toBe(true);
      expect(ignored).not.toContain(word);
    }
  expect(readdirSync(root)).toContain("Dockerfile");
});
