/** A real `tailrace serve` in a process of its own, that can be killed and started again on the same ports. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type NatsCluster, startNats } from "./nats.ts";
import { awaited } from "./until.ts";

/** The command line as it is built. */
export const program = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
/** Loaded into each server: see there. */
const wiping = new URL("wipe-built-memory.mjs", import.meta.url).href;
const outputCharsMax = 4_000_000;

/** Key of every test server: the operator's. */
export const testKey = "test-operator-key-000000000000000000";

/** Where a server under test keeps its log. */
export const stores = ["the embedded store", "NATS"] as const;
export type StoreName = (typeof stores)[number];

export class TestServer {
  url = "";
  syslogPort = 0;
  readonly data: string;
  /** Everything that every start of it printed. */
  output = "";
  readonly #args: readonly string[];
  readonly #env: Record<string, string>;
  readonly #openFilesMax: number | undefined;
  #child: ChildProcess | undefined;
  #nats: NatsCluster | undefined;

  private constructor(
    data: string,
    args: readonly string[],
    env: Record<string, string>,
    { openFilesMax }: { readonly openFilesMax?: number },
  ) {
    this.#openFilesMax = openFilesMax;
    this.data = data;
    this.#args = args;
    this.#env = env;
  }

  /** Starts on free ports of 127.0.0.1 with a data folder of its own; drains to loopback are allowed. */
  static async start(
    args: readonly string[] = [],
    env: Record<string, string> = {},
    limits: { readonly openFilesMax?: number } = {},
  ): Promise<TestServer> {
    const server = new TestServer(await mkdtemp(join(tmpdir(), "tailrace-test-")), args, env, limits);
    await server.start();
    return server;
  }

  /** The same on either store; a nats-server of its own is started with it and ended with it. */
  static async startOn(store: StoreName, args: readonly string[] = []): Promise<TestServer> {
    if (store === "the embedded store") return TestServer.start(args);
    const nats = await startNats();
    const server = await TestServer.start([...args, "--nats", nats.urls.join(",")]);
    server.#nats = nats;
    return server;
  }

  get pid(): number {
    return this.#child!.pid!;
  }

  /**
   * Starts it, on the ports it had before, `more` in its environment. Resolves when it listens. While it was away a client's
   * socket may have been given its port: it waits for that.
   */
  async start(more: Record<string, string> = {}): Promise<void> {
    const isAgain = this.url !== "";
    for (; ; await delay(100)) {
      try {
        return await this.#startOnce(more);
      } catch (failure) {
        const isTaken = isAgain && (failure as Error).message.includes("is in use already");
        if (!isTaken) throw failure;
      }
    }
  }

  async #startOnce(more: Record<string, string>): Promise<void> {
    const http = this.url === "" ? "127.0.0.1:0" : new URL(this.url).host;
    const listen = ["--dev", "--http", http, "--syslog", `127.0.0.1:${this.syslogPort}`, "--data", this.data];
    const command = [process.execPath, "--import", wiping, program, "serve", ...listen, ...this.#args];
    const limited = ["bash", "-c", 'ulimit -n "$0"; exec "$@"', String(this.#openFilesMax)];
    const [file, ...args] = this.#openFilesMax === undefined ? command : [...limited, ...command];
    const child = spawn(file!, args, {
      env: { ...process.env, TAILRACE_API_KEY: testKey, ...this.#env, ...more },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    const from = this.output.length;
    const listening = new Promise<void>((resolve, reject) => {
      child.once("exit", (code) => reject(new Error(`exit ${code}:\n${this.output.slice(from)}`)));
      const read = (chunk: Buffer) => {
        this.output = (this.output + chunk).slice(-outputCharsMax);
        const line = /^.*"msg":"listening".*$/m.exec(this.output.slice(from));
        if (line === null) return;
        const { http, syslog } = JSON.parse(line[0]) as { http: string; syslog?: string };
        this.url = http;
        this.syslogPort = Number(syslog?.split(":").at(-1) ?? 0);
        resolve();
      };
      child.stdout!.on("data", read);
      child.stderr!.on("data", read);
    });
    await awaited(listening, () => `the start of a server:\n${this.output}`);
    child.removeAllListeners("exit");
  }

  /** Sends a signal and waits for the end; the exit status, or the signal's name. */
  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<number | string | null> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return null;
    const ended = once(child, "exit");
    child.kill(signal);
    const [code, by] = (await ended) as [number | null, string | null];
    return code ?? by;
  }

  /** Kills it and removes its data. */
  async destroy(): Promise<void> {
    await this.kill();
    await this.#nats?.close();
    await rm(this.data, { recursive: true, force: true });
  }

  /** Calls the API as the operator; throws on an answer that is not 2xx. */
  async api<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
    const response = await fetch(this.url + path, {
      method,
      headers: {
        authorization: `Bearer ${testKey}`,
        accept: "application/vnd.heroku+json; version=3",
        ...(body !== undefined && { "content-type": "application/json" }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text === "" ? undefined : JSON.parse(text)) as Answer;
  }

  /** Makes an app and hands back its tokens by source. */
  async createApp(name: string): Promise<{ id: string; tokens: Record<string, string> }> {
    const { id } = await this.api<{ id: string }>("POST", "/apps", { name });
    const { tokens } = await this.api<{ tokens: Record<string, string> }>("GET", `/v3/channels/${id}`);
    return { id, tokens };
  }
}
