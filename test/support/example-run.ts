/** Runs a page's examples; how a page writes them is said in examples.ts. */
import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, delimiter, join } from "node:path";
import { type Example, endOfMatch, matchesWhole, plain } from "./examples.ts";
import { root } from "./sources.ts";
import { until } from "./until.ts";

const endMsMax = 15_000;
const pollMs = 25;
/** Where npm test put Heroku's own command line. */
const herokuFolder = join(root, "test", "heroku", "node_modules", ".bin");

/** A place in which a page's examples run: a copy of the checkout, free ports, and a separate home. */
export class ExampleRun {
  readonly folder: string;
  readonly #ports: ReadonlyMap<string, string>;
  readonly #shell: ChildProcess;
  readonly #running = new Map<string, Terminal>();
  /** By the last block in front. */
  #printed = "";
  #blocks = 0;
  #broken: string | undefined;

  private constructor(folder: string, ports: ReadonlyMap<string, string>, more: NodeJS.ProcessEnv) {
    this.folder = folder;
    this.#ports = ports;
    this.#shell = spawn("bash", ["--noprofile", "--norc"], {
      cwd: join(folder, "tailrace"),
      env: { ...readerEnv(folder, ports), ...more },
      stdio: ["pipe", "ignore", "ignore"],
    });
    this.#shell.stdin!.on("error", () => {}); // the shell has ended: the block that waits for it says so
    this.#shell.stdin!.write("shopt -s expand_aliases\nset -e -o pipefail\n");
  }

  /**
   * Lays out a fresh copy of the checkout for a page's examples: without data and without a build, or, when its server
   * runs already, `at` this port and with this key, with the build and the key in the reader's environment.
   */
  static async open(
    markdown: string,
    at?: { readonly port: string; readonly key: string },
  ): Promise<ExampleRun> {
    const folder = mkdtempSync(join(tmpdir(), "tailrace-examples-"));
    const left = new Set([".git", "node_modules", "dist", "data", "coverage"]);
    const copy = join(folder, "tailrace");
    const isPart = (path: string) => !left.has(basename(path)) && !basename(path).startsWith("dist.");
    cpSync(root, copy, { recursive: true, filter: (path) => path === root || isPart(path) });
    symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
    const written = [...markdown.matchAll(/(?:127\.0\.0\.1|localhost):(\d{2,5})\b/g)].map(
      (match) => match[1]!,
    );
    const ports = new Set([...Object.values(portsByDefault), ...written]);
    const free = await freePorts(ports.size);
    const places = new Map([...ports].map((port, index) => [port, free[index]!]));
    if (at === undefined) return new ExampleRun(folder, places, {});
    symlinkSync(join(root, "dist"), join(copy, "dist"));
    return new ExampleRun(folder, places.set(portsByDefault.http, at.port), { TAILRACE_API_KEY: at.key });
  }

  /** Runs an example, or waits for its text. If the output is not as the page says, rejects with it. */
  async follow(example: Example): Promise<void> {
    if (this.#broken !== undefined) throw new Error(`not run: ${this.#broken}`);
    try {
      if (example.kind === "sh") await this.#type(example);
      else if (example.terminal !== undefined) await this.#awaitText(example, example.terminal);
      else this.#compare(example);
    } catch (error) {
      this.#broken = `the example at line ${example.line} failed`;
      throw error;
    }
  }

  /** Ends everything that is still running, like Ctrl-C, and removes the folder. */
  async close(): Promise<void> {
    await Promise.all([...this.#running.values()].map((terminal) => terminal.end()));
    this.#shell.kill("SIGKILL");
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }

  async #type(example: Example): Promise<void> {
    const block = join(this.folder, `block-${this.#blocks++}`);
    writeFileSync(`${block}.sh`, this.#withPorts(example.body));
    // Read line by line, so that an alias is known to the next line, as in a terminal.
    const read = `. ${block}.sh >${block}.out 2>&1 </dev/null`;
    // With set -m a job has a process group of its own, as it would have in its own terminal.
    const command =
      example.terminal === undefined ? read : `set -m\n${read} &\necho $! >${block}.pid\nset +m`;
    this.#shell.stdin!.write(`${command}\n: >${block}.done\n`);
    const ended = () => this.#shell.exitCode !== null || this.#shell.signalCode !== null;
    const printed = () => readFileSync(`${block}.out`, "utf8");
    await until(() => existsSync(`${block}.done`) || ended(), { tell: () => `the end of it:\n${printed()}` });
    if (ended()) throw new Error(`a command failed (status ${this.#shell.exitCode}):\n${printed()}`);
    if (example.terminal === undefined) {
      this.#printed = printed();
      return;
    }
    if (this.#running.has(example.terminal))
      throw new Error(`there is a terminal ${example.terminal} already`);
    this.#running.set(example.terminal, new Terminal(block));
  }

  #compare(example: Example): void {
    if (example.of === undefined) throw new Error("a text block must follow a sh block, or say &NAME");
    const expected = this.#withPorts(example.body);
    if (!matchesWhole(expected, this.#printed))
      throw new Error(`expected:\n${expected}\nprinted:\n${this.#printed}`);
  }

  async #awaitText(example: Example, name: string): Promise<void> {
    const terminal = this.#running.get(name);
    if (terminal === undefined) throw new Error(`no terminal is called ${name}`);
    const expected = this.#withPorts(example.body);
    let came = false;
    const come = () => {
      came ||= terminal.take(expected);
      return came;
    };
    const tell = () => `expected by and by:\n${expected}\nprinted:\n${terminal.printed()}`;
    await until(() => come() || !terminal.isRunning(), { tell });
    if (!come()) throw new Error(tell());
  }

  #withPorts(text: string): string {
    return text.replace(/\b\d{2,5}\b/g, (number) => this.#ports.get(number) ?? number);
  }
}

/** A terminal in which something was left running. */
class Terminal {
  readonly #block: string;
  readonly #group: number;
  #seen = 0;

  constructor(block: string) {
    this.#block = block;
    this.#group = Number(readFileSync(`${block}.pid`, "utf8"));
  }

  /** True once `expected` was printed after all that was taken before; takes it. */
  take(expected: string): boolean {
    const end = endOfMatch(expected, this.printed().slice(this.#seen));
    if (end === -1) return false;
    this.#seen += end;
    return true;
  }

  // The shell behind may be a moment late to open it.
  printed = (): string =>
    existsSync(`${this.#block}.out`) ? plain(readFileSync(`${this.#block}.out`, "utf8")) : "";

  isRunning = (): boolean => signalGroup(this.#group, 0);

  async end(): Promise<void> {
    signalGroup(this.#group, "SIGINT");
    if (await isSoon(() => !this.isRunning(), endMsMax)) return;
    signalGroup(this.#group, "SIGKILL");
    throw new Error(`Ctrl-C did not end it within ${endMsMax} ms:\n${this.printed()}`);
  }
}

/** False when no process of the group is left. */
function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-group, signal);
  } catch {
    return false;
  }
}

const portsByDefault = { http: "8601", syslog: "6001" };

/** A reader's environment: nothing of tailrace in it but where its ports went. */
function readerEnv(folder: string, ports: ReadonlyMap<string, string>): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(?:TAILRACE_|LOGS_URL$|VITEST|NODE_|TEST$|npm_)/.test(name),
  );
  const http = `127.0.0.1:${ports.get(portsByDefault.http)}`;
  return {
    ...Object.fromEntries(kept),
    HOME: folder,
    LC_ALL: "C.UTF-8", // characters of several bytes, as in most terminals
    PATH: [herokuFolder, process.env.PATH].join(delimiter),
    npm_config_update_notifier: "false", // npm asks the network, once a day and for each new home
    TAILRACE_HTTP: http,
    TAILRACE_SYSLOG: `127.0.0.1:${ports.get(portsByDefault.syslog)}`,
    TAILRACE_URL: `http://${http}`,
  };
}

async function freePorts(count: number): Promise<string[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => new Promise((resolve) => server.once("listening", resolve))));
  const ports = servers.map((server) => String((server.address() as { port: number }).port));
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Polls. False when the condition did not become true in time. */
async function isSoon(isTrue: () => boolean, msMax: number): Promise<boolean> {
  const end = Date.now() + msMax;
  while (!isTrue()) {
    if (Date.now() > end) return false;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  return true;
}
