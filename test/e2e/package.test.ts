/** The package as npm makes it, installed elsewhere: the command works there, and what the image copies is what it has. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { completionScripts, shells } from "../../cli/completion-scripts.ts";
import { blockOf, commandsOf, stepsOf } from "../support/manual-blocks.ts";
import { freePorts } from "../support/nats.ts";
import { networkEnvironment } from "../support/network-environment.ts";

const root = new URL("../../", import.meta.url).pathname;
const run = promisify(execFile);
/** The first time npm asks the registry for all that the package needs. */
const installMsMax = 240_000;

let folder: string;
/** As npm puts programs and their manuals on a machine. */
let elsewhere: string;
let command: string;
/** Paths in the package. */
let packed: readonly string[];

/** Runs a line of shell where an operator stands, in an environment of the machine's own. */
const shell = (script: string, cwd = folder) =>
  run("bash", ["-e", "-o", "pipefail", "-c", script], {
    cwd,
    maxBuffer: 64 * 1024 * 1024,
    env: {
      PATH: `${join(elsewhere, "bin")}:${process.env.PATH}`,
      HOME: process.env.HOME,
      ...networkEnvironment,
      npm_config_prefix: elsewhere, // a --global of the test's own
      npm_config_pack_destination: folder,
      npm_config_prefer_offline: "true",
      npm_config_audit: "false",
      npm_config_fund: "false",
      npm_config_update_notifier: "false",
    },
  });
let doctor: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "tailrace-package-"));
  elsewhere = join(folder, "elsewhere");
  mkdirSync(elsewhere);
  const [pack, install, look] = stepsOf("docs/service.md", "install", 3);
  doctor = look!;
  await shell(pack!, root);
  await shell(install!);
  const [archive] = readdirSync(folder).filter((name) => name.endsWith(".tgz"));
  const { stdout } = await run("tar", ["-tf", join(folder, archive!)], { maxBuffer: 64 * 1024 * 1024 });
  packed = stdout
    .trimEnd()
    .split("\n")
    .map((path) => path.replace(/^package\//, ""));
  command = join(elsewhere, "bin", "tailrace");
}, installMsMax);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("its command says its version and its help", async () => {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  expect((await run(command, ["--version"])).stdout).toBe(`${version}\n`);
  expect((await run(command, ["--help"])).stdout).toContain("tailrace serve --dev");
});

test("its unit is where docs/service.md has it copied from", async () => {
  const [copy = ""] = commandsOf(blockOf("docs/service.md", "unit").body);
  await shell(copy.replace("/etc/systemd/system/", folder));
  expect(readFileSync(join(folder, "tailrace.service"), "utf8")).toContain("ExecStart=");
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
      .poll(() =>
        fetch(`${url}/healthz`).then(
          ({ status }) => status,
          () => 0,
        ),
      )
      .toBe(200);
    const tailrace = (...args: string[]) => run(command, args, { cwd: folder, env });
    await tailrace("apps:create", "shop");
    await tailrace("run", "-a", "shop", "--dyno", "web.1", "--", "echo", "it works");
    expect((await tailrace("logs", "-a", "shop")).stdout).toMatch(/app\[web\.1\]: it works$/m);
    for (const path of ["/docs", "/docs/manual", "/docs/manual/docs/drains"])
      expect((await fetch(url + path)).status).toBe(200);
    const page = await (await fetch(`${url}/`)).text();
    const [, script] = /<script type="module"[^>]* src="([^"]+)"/.exec(page)!;
    expect((await fetch(new URL(script!, `${url}/`))).headers.get("content-type")).toContain("javascript");
  } finally {
    server.child.kill("SIGTERM");
  }
  await server;
});

test("its doctor looks at the machine, as the page says", async () => {
  const [http, syslog] = await freePorts(2);
  const here = doctor.replace("/var/lib/tailrace", join(folder, "looked-at"));
  const { stdout } = await shell(
    `export TAILRACE_HTTP=127.0.0.1:${http} TAILRACE_SYSLOG=127.0.0.1:${syslog}\n{ ${here}\n} || [ $? = 1 ]`,
  );
  expect(stdout).toMatch(/^ok +http +127\.0\.0\.1:\d+ is free\n/);
  expect(existsSync(join(folder, "looked-at"))).toBe(false);
});

test("its manual page and the completions of the shells come with it", async () => {
  const manual = readFileSync(join(elsewhere, "share", "man", "man1", "tailrace.1"), "utf8");
  expect(manual).toMatch(/^\.TH TAILRACE 1/im);
  for (const shellName of shells)
    expect((await run(command, ["completion", shellName])).stdout).toBe(completionScripts[shellName]);
  expect((await run(command, ["__complete", "fish", "drains:repl"])).stdout).toMatch(/^drains:replay\t/);
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
