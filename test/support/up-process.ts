/** A real `tailrace up` in a process of its own, over a folder that the test writes. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { program, type TestServer, testKey } from "./server.ts";
import { until } from "./until.ts";

export class UpProcess {
  readonly folder: string;
  readonly app: string;
  /** Everything that it printed. */
  output = "";
  /** Of the router. */
  url = "";
  readonly #server: TestServer;
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown[]>;

  private constructor(server: TestServer, app: string, folder: string, args: readonly string[]) {
    this.#server = server;
    this.app = app;
    this.folder = folder;
    this.#child = spawn(
      process.execPath,
      [program, "up", "-a", app, "-f", join(folder, "Procfile"), "--port", "0", ...args],
      { env: environmentOf(server), stdio: ["ignore", "pipe", "pipe"] },
    );
    this.#ended = once(this.#child, "close");
    for (const stream of [this.#child.stdout!, this.#child.stderr!])
      stream
        .setEncoding("utf8")
        .on("data", (text: string) => (this.output = (this.output + text).slice(-200_000)));
  }

  /** Starts it over these files; `ready` false: it may end by itself. */
  static async start(
    server: TestServer,
    files: Readonly<Record<string, string>>,
    {
      app = "shop",
      args = [],
      ready = true,
    }: { app?: string; args?: readonly string[]; ready?: boolean } = {},
  ): Promise<UpProcess> {
    const folder = mkdtempSync(join(tmpdir(), "tailrace-up-"));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    const up = new UpProcess(server, app, folder, args);
    if (!ready) return up;
    await up.shows("is on http");
    up.url = /is on (http:\S+)\. /.exec(up.output)![1]!;
    return up;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Waits until it has printed that. */
  shows(text: string): Promise<void> {
    return until(() => this.output.includes(text) || this.#hasEnded, {
      tell: () => this.output,
    });
  }

  /** Waits until the app's log has a line that matches. */
  async logs(form: RegExp): Promise<string[]> {
    let lines: string[] = [];
    await until(
      async () => {
        lines = await this.lines();
        return lines.some((line) => form.test(line));
      },
      { tell: () => `${form}\n${lines.join("\n")}` },
    );
    return lines;
  }

  /** The newest lines of the app's log, without their times. */
  async lines(count = 1_500): Promise<string[]> {
    const session = await this.#server.api<{ logplex_url: string }>(
      "POST",
      `/apps/${this.app}/log-sessions`,
      {
        lines: count,
        tail: false,
      },
    );
    const text = await (await fetch(session.logplex_url)).text();
    return text.split("\n").flatMap((line) => (line === "" ? [] : [line.slice(line.indexOf(" ") + 1)]));
  }

  /** Sends a signal and waits for the end; the exit status, or the signal's name. */
  async end(signal: NodeJS.Signals = "SIGTERM"): Promise<unknown> {
    this.#child.kill(signal);
    return this.ended();
  }

  async ended(): Promise<unknown> {
    const [code, by] = await this.#ended;
    return code ?? by;
  }

  async close(): Promise<void> {
    if (!this.#hasEnded) await this.end("SIGKILL");
    rmSync(this.folder, { recursive: true, force: true });
  }

  get #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }
}

/** What a command needs to use this server. */
export const environmentOf = (server: TestServer): NodeJS.ProcessEnv => ({
  PATH: process.env.PATH,
  HOME: process.env.HOME,
  TAILRACE_URL: server.url,
  TAILRACE_API_KEY: testKey,
});
