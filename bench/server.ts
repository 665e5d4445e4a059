/** The real servers, tailrace's and NATS', in processes of their own, for questions that go over the wire. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { serverEnv } from "../cli/server-process.ts";

const program = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const key = "bench-operator-key";
const ticksPerSecond = 100; // of Linux' /proc

type Listening = { readonly http: string; readonly syslog: string };

export class BenchServer {
  readonly url: string;
  readonly syslogPort: number;
  readonly key = key;
  readonly #child: ChildProcess;
  readonly #folder: string;

  private constructor({ http, syslog }: Listening, child: ChildProcess, folder: string) {
    this.url = http;
    this.syslogPort = Number(syslog.split(":").at(-1));
    this.#child = child;
    this.#folder = folder;
  }

  /**
   * Listens on free ports, with a folder of its own, or the `given` one. `prefix`: a command that runs the server's;
   * `nodeArgs`: Node's own.
   */
  static async start(
    args: readonly string[] = [],
    prefix: readonly string[] = [],
    given?: string,
    nodeArgs: readonly string[] = [],
  ): Promise<BenchServer> {
    const folder = given ?? (await mkdtemp(join(tmpdir(), "tailrace-bench-")));
    const listen = ["--dev", "--http", "127.0.0.1:0", "--syslog", "127.0.0.1:0", "--data", folder];
    const [file = "", ...rest] = [
      ...prefix,
      process.execPath,
      ...nodeArgs,
      program,
      "serve",
      ...listen,
      ...args,
    ];
    const child = spawn(file, rest, {
      env: serverEnv({ ...process.env, TAILRACE_API_KEY: key }),
      stdio: ["ignore", "pipe", "ignore", ...(nodeArgs.length > 0 ? ["ipc" as const] : [])],
    });
    const line = await said(child, "stdout", /^.*"msg":"listening".*$/m);
    return new BenchServer(JSON.parse(line) as Listening, child, folder);
  }

  /** Makes an app; its token for source `app`. */
  async token(app: string): Promise<string> {
    const channel = await this.call("PUT", `/v3/channels/${app}`, { tokens: ["app"] });
    return (channel as { tokens: { app: string } }).tokens.app;
  }

  /** Makes apps of these names, some at a time; their tokens in the same order. */
  async tokens(names: readonly string[]): Promise<string[]> {
    const tokens: string[] = [];
    for (let at = 0; at < names.length; at += 50) {
      tokens.push(...(await Promise.all(names.slice(at, at + 50).map((name) => this.token(name)))));
    }
    return tokens;
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
  cpuSeconds(): Promise<number> {
    return cpuSecondsOf(this.#child.pid!);
  }

  /** CPU seconds so far of its threads, by the names that Node gives them. */
  async threadSeconds(): Promise<ReadonlyMap<string, number>> {
    const folder = `/proc/${this.#child.pid}/task`;
    const found = new Map<string, number>();
    for (const task of await readdir(folder)) {
      const name = (await readFile(`${folder}/${task}/comm`, "utf8")).trim();
      found.set(name, (found.get(name) ?? 0) + (await cpuSecondsIn(`${folder}/${task}/stat`)));
    }
    return found;
  }

  /** Bytes that the process holds itself: pages of mapped files are the system's. */
  async memoryBytes(): Promise<number> {
    const status = await readFile(`/proc/${this.#child.pid}/status`, "utf8");
    return Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)![1]) * 1024;
  }

  /** The most that was resident at once, pages of mapped files included. */
  peakBytes(): Promise<number> {
    return peakBytesOf(this.#child.pid!);
  }

  /** Tells a module of ours that `nodeArgs` loaded into it. */
  tell(message: string): void {
    this.#child.send(message);
  }

  async ask(message: string): Promise<unknown> {
    const answer = once(this.#child, "message");
    this.tell(message);
    return (await answer)[0];
  }

  /** Stops the server and keeps its folder. */
  async end(): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#child.kill();
    await ended;
  }

  async stop(): Promise<void> {
    await this.end();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Another program. */
export class BenchChild {
  /** The part of its output that `pattern` matched. */
  readonly said: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, text: string) {
    this.#child = child;
    this.said = text;
  }

  /** Resolves once its output matches `pattern`; at once if there is none. */
  static async start([file = "", ...args]: readonly string[], pattern?: RegExp): Promise<BenchChild> {
    const child = spawn(file, args, { stdio: ["ignore", "pipe", "inherit"] });
    return new BenchChild(child, pattern === undefined ? "" : await said(child, "stdout", pattern));
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  cpuSeconds(): Promise<number> {
    return cpuSecondsOf(this.#child.pid!);
  }

  peakBytes(): Promise<number> {
    return peakBytesOf(this.#child.pid!);
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#child.kill();
    await ended;
  }
}

/** One nats-server, or a cluster of three. */
export class BenchNats {
  readonly urls: string;
  readonly #children: readonly ChildProcess[];
  readonly #folder: string;

  private constructor(urls: string, children: readonly ChildProcess[], folder: string) {
    this.urls = urls;
    this.#children = children;
    this.#folder = folder;
  }

  static async start(count: 1 | 3, prefix: readonly string[] = []): Promise<BenchNats> {
    const folder = await mkdtemp(join(tmpdir(), "tailrace-bench-nats-"));
    const ports = await Promise.all(Array.from({ length: 2 * count }, freePort));
    const routes = ports.slice(count).map((port) => `nats://127.0.0.1:${port}`);
    const children = ports.slice(0, count).map((port, i) => {
      const own = ["-a", "127.0.0.1", "-p", String(port), "-n", `n${i}`, "-js", "-sd", join(folder, `n${i}`)];
      const cluster = ["--cluster_name", "bench", "--cluster", routes[i]!, "--routes", routes.join(",")];
      const program = process.env.NATS_SERVER || "nats-server";
      const [file = "", ...args] = [...prefix, program, ...(count === 1 ? own : [...own, ...cluster])];
      return spawn(file, args, { stdio: ["ignore", "ignore", "pipe"] });
    });
    await Promise.all(children.map((child) => said(child, "stderr", /Server is ready/)));
    return new BenchNats(
      ports
        .slice(0, count)
        .map((port) => `nats://127.0.0.1:${port}`)
        .join(","),
      children,
      folder,
    );
  }

  async cpuSeconds(): Promise<number> {
    const each = await Promise.all(this.#children.map(({ pid }) => cpuSecondsOf(pid!)));
    return each.reduce((sum, seconds) => sum + seconds, 0);
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.#children.map(async (child) => {
        const ended = once(child, "exit");
        child.kill();
        await ended;
      }),
    );
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Waits until the process prints what `pattern` matches, and lets it go on printing unread. */
function said(child: ChildProcess, stream: "stdout" | "stderr", pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const read = (chunk: Buffer) => {
      text += chunk;
      const match = pattern.exec(text);
      if (match === null) return;
      child[stream]!.off("data", read).resume();
      resolve(match[0]);
    };
    child[stream]!.on("data", read);
    child.once("exit", (code) => reject(new Error(`it ended with ${code}: ${text}`)));
  });
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const cpuSecondsOf = (pid: number): Promise<number> => cpuSecondsIn(`/proc/${pid}/stat`);

async function cpuSecondsIn(file: string): Promise<number> {
  const stat = await readFile(file, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

async function peakBytesOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)![1]) * 1024;
}
