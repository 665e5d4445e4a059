/** Somebody who follows a page of the manual in a shell, in a folder of their own, as the operator of a server. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { herokuProgram } from "./heroku-environment.ts";
import type { Ended } from "./sender-world.ts";
import { program, testKey } from "./server.ts";
import { until } from "./until.ts";

const prelude = (node: string): string => `set -e -o pipefail
tailrace() { '${node}' '${program}' "$@"; }
heroku() { '${node}' '${herokuProgram}' "$@"; }
`;

export class Reader {
  readonly folder = mkdtempSync(join(tmpdir(), "tailrace-reader-"));
  readonly #env: NodeJS.ProcessEnv;
  readonly #running: ChildProcess[] = [];

  /** `url`: of the server; without one nothing of it is in the environment. */
  constructor(url: string | undefined, more: Readonly<Record<string, string>> = {}) {
    this.#env = {
      PATH: process.env.PATH,
      HOME: this.folder,
      ...(url !== undefined && { TAILRACE_URL: url, TAILRACE_API_KEY: testKey }),
      ...more,
    };
  }

  /** Runs a script to its end; the first command that fails is its end. */
  async run(script: string): Promise<Ended> {
    const child = this.#spawn(script);
    let [stdout, stderr] = ["", ""];
    child.stdout!.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr!.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    const [status] = (await once(child, "close")) as [number | null];
    return { status, stdout, stderr };
  }

  /** Runs one that has no end until it has printed that, then ends it as Ctrl-C does; everything that it printed. */
  async runUntil(script: string, shows: RegExp): Promise<string> {
    const child = this.#spawn(script);
    let output = "";
    for (const stream of [child.stdout!, child.stderr!])
      stream.setEncoding("utf8").on("data", (text: string) => (output += text));
    const ended = once(child, "close");
    try {
      await until(() => shows.test(output) || child.exitCode !== null, { tell: () => output });
      if (!shows.test(output)) throw new Error(`it ended without ${shows}:\n${output}`);
    } finally {
      interrupt(child, "SIGINT");
    }
    await ended;
    return output;
  }

  async close(): Promise<void> {
    for (const child of this.#running) interrupt(child, "SIGKILL");
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }

  #spawn(script: string): ChildProcess {
    const child = spawn("bash", ["--noprofile", "--norc", "-c", prelude(process.execPath) + script], {
      cwd: this.folder,
      env: this.#env,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true, // a group of its own, as a terminal's foreground has
    });
    this.#running.push(child);
    return child;
  }
}

function interrupt(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    process.kill(-child.pid!, signal);
  } catch {} // it has ended
}
