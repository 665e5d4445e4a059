/**
 * Builds an app as its folder requires, or with the user's own command. The output appears in the log as
 * `heroku[build]`.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { CliError } from "../errors.ts";
import { ChildGroup } from "../local/child-group.ts";
import type { Output } from "../output.ts";
import { shell } from "./dyno-process.ts";
import { progressMs } from "./limits.ts";
import type { OutputLog, UpLog } from "./up-log.ts";

/** The folder that pip installs to, because the system's Python may not allow it. */
const pythonFolder = ".venv";

/** A step of a build: its title and its command. */
type BuildStep = { readonly title: string; readonly command: string };

/** The steps for a folder; `own` is the user's own command. */
export function buildSteps(folder: string, own: string | undefined): readonly BuildStep[] {
  if (own !== undefined) return own === "" ? [] : [{ title: own, command: own }];
  const has = (name: string) => existsSync(join(folder, name));
  const steps: BuildStep[] = [];
  if (has("package.json")) {
    const command = "npm install --no-audit --no-fund";
    steps.push({ title: `Node.js app detected: ${command}`, command });
  }
  if (has("requirements.txt")) {
    const install = `${pythonFolder}/bin/pip install --disable-pip-version-check -r requirements.txt`;
    const command = `{ test -x ${pythonFolder}/bin/pip || python3 -m venv ${pythonFolder}; } && ${install}`;
    steps.push({ title: `Python app detected: ${install}`, command });
  }
  return steps;
}

/** The environment for programs of this folder: what its builds installed comes first in the path. */
export function withPrograms(folder: string, environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const own = [join(folder, "node_modules", ".bin"), join(folder, pythonFolder, "bin")];
  return { ...environment, PATH: [...own, environment.PATH ?? ""].join(delimiter) };
}

type BuildOptions = {
  readonly folder: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly steps: readonly BuildStep[];
  readonly log: UpLog;
  readonly output: Output;
  readonly user: string;
  readonly signal: AbortSignal;
};

/** Runs the steps in order. Throws if one fails. */
export async function build({ steps, log, user, ...options }: BuildOptions): Promise<void> {
  if (steps.length === 0) return;
  log.api(`Build started by user ${user}`);
  // Keeps npm from asking the network, during a build, whether there is a newer npm.
  const environment = { npm_config_update_notifier: "false", ...options.environment };
  for (const { title, command } of steps) {
    log.state("build", `-----> ${title}`);
    const status = await runToEnd(
      { ...options, environment, command, name: "build", log: log.outputOf("heroku", "build") },
      log,
    );
    if (status === 0) continue;
    log.api("Build failed -- check your build output");
    throw new CliError(
      `The build failed: "${command}" ended with status ${status}.`,
      "Its output is above, and in the app's log as heroku[build]. --build names another command, --build '' none.",
    );
  }
  log.api("Build succeeded");
}

type RunToEnd = {
  readonly folder: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly command: string;
  /** The process name in the log, such as `build` in `heroku[build]`. */
  readonly name: string;
  readonly log: OutputLog;
  readonly output: Output;
  readonly signal: AbortSignal;
};

/** Runs a command and reports now and then that it is still running; resolves to its exit status. `signal` ends it. */
export async function runToEnd(
  { folder, environment, command, name, log, output, signal }: RunToEnd,
  up: UpLog,
): Promise<number> {
  signal.throwIfAborted();
  const beganMs = performance.now();
  const seconds = () => Math.round((performance.now() - beganMs) / 1000);
  const group = new ChildGroup({
    command: shell,
    args: ["-c", command],
    environment,
    folder,
    stdin: "ignore",
    onOutput: log.take,
  });
  const stop = () => group.kill("SIGTERM");
  signal.addEventListener("abort", stop, { once: true });
  const shown = setInterval(() => output.progress(`${name}: at work for ${seconds()} s`), progressMs.screen);
  const logged = setInterval(
    () => up.state(name, `       still at work after ${seconds()} s`),
    progressMs.log,
  );
  try {
    return await group.ended;
  } finally {
    clearInterval(shown);
    clearInterval(logged);
    signal.removeEventListener("abort", stop);
    output.progress("");
    await log.end();
    signal.throwIfAborted();
  }
}

/** Describes the deployed version: the commit of the folder, if it is under git. */
export async function deployWords(folder: string): Promise<string> {
  const commit = await new Promise<string>((resolve) => {
    execFile("git", ["rev-parse", "--short=8", "HEAD"], { cwd: folder }, (error, stdout) =>
      resolve(error === null ? stdout.trim() : ""),
    );
  });
  return /^[0-9a-f]{4,40}$/.test(commit) ? `Deploy ${commit}` : "Deploy";
}
