/** The real server in a process of its own, for questions that go over the wire. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const key = "bench-operator-key";

export class BenchServer {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #folder: string;

  private constructor(url: string, child: ChildProcess, folder: string) {
    this.url = url;
    this.#child = child;
    this.#folder = folder;
  }

  /** Listens on a free port, with a log of its own in a temporary folder. */
  static async start(args: readonly string[] = []): Promise<BenchServer> {
    const folder = await mkdtemp(join(tmpdir(), "tailrace-bench-"));
    const listen = ["--dev", "--http", "127.0.0.1:0", "--syslog", "127.0.0.1:0", "--data", folder];
    const child = spawn(process.execPath, [program, "serve", ...listen, ...args], {
      env: { ...process.env, TAILRACE_API_KEY: key },
      stdio: ["ignore", "pipe", "inherit"],
    });
    for await (const chunk of child.stdout) {
      const line = /^.*"msg":"listening".*$/m.exec(String(chunk));
      if (line === null) continue;
      child.stdout.resume();
      return new BenchServer((JSON.parse(line[0]) as { http: string }).http, child, folder);
    }
    throw new Error("the server did not start");
  }

  /** Makes an app; its token for source `app`. */
  async token(app: string): Promise<string> {
    const channel = await this.call("PUT", `/v3/channels/${app}`, { tokens: ["app"] });
    return (channel as { tokens: { app: string } }).tokens.app;
  }

  async call(method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await fetch(this.url + path, {
      method,
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }

  /** CPU seconds of the process so far, all threads. */
  async cpuSeconds(): Promise<number> {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    return Number(/^process_cpu_seconds_total (\S+)$/m.exec(text)![1]);
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#child.kill();
    await ended;
    await rm(this.#folder, { recursive: true, force: true });
  }
}
