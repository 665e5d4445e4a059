/** Servers with every door that senders use, plain and over TLS, and what reached an app there. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePorts } from "./nats.ts";
import { configurationOf } from "./sending-page.ts";
import { program, type StoreName, TestServer, testKey } from "./server.ts";

export const pemFile = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/tls/${name}.pem`, import.meta.url));

/** A server and the ports of its doors. */
export type Doors = {
  readonly server: TestServer;
  readonly syslog: number;
  readonly tls: number;
  readonly udp: number;
  readonly relp: number;
};

export type Token = { readonly token: string; readonly syslog_tag: string };

/** The most lines that an app may have, repeated ones included. */
const linesMax = 40_000;

export class SenderWorld {
  readonly plain: Doors;
  readonly secure: Doors;
  readonly folder: string;
  #files = 0;

  private constructor(plain: Doors, secure: Doors, folder: string) {
    this.plain = plain;
    this.secure = secure;
    this.folder = folder;
  }

  static async open(store: StoreName): Promise<SenderWorld> {
    const [udp = 0, relp = 0, secureTls = 0, secureRelp = 0] = await freePorts(4);
    const at = (port: number) => `127.0.0.1:${port}`;
    const history = ["--history-lines", String(linesMax)];
    const listening = [...history, "--relp", at(relp), "--syslog-udp", at(udp)];
    const files = ["--tls-cert", pemFile("server"), "--tls-key", pemFile("server-key")];
    const [plain, secure] = await Promise.all([
      TestServer.startOn(store, listening),
      TestServer.startOn(store, [
        ...history,
        ...files,
        "--syslog-tls",
        at(secureTls),
        "--relp",
        at(secureRelp),
      ]),
    ]);
    const folder = await mkdtemp(join(tmpdir(), "tailrace-senders-"));
    const plainDoors = { server: plain, syslog: plain.syslogPort, tls: 0, udp, relp };
    const secureDoors = {
      server: secure,
      syslog: secure.syslogPort,
      tls: secureTls,
      udp: 0,
      relp: secureRelp,
    };
    return new SenderWorld(plainDoors, secureDoors, folder);
  }

  /** Kills both servers with -9, and starts them again `awayMs` later. */
  async killAndRestart(whileAway: () => Promise<unknown>): Promise<void> {
    const servers = [this.plain.server, this.secure.server];
    await Promise.all(servers.map((server) => server.kill("SIGKILL")));
    await whileAway();
    await Promise.all(servers.map((server) => server.start()));
  }

  async close(): Promise<void> {
    await Promise.all([this.plain.server.destroy(), this.secure.server.destroy()]);
    await rm(this.folder, { recursive: true, force: true });
  }

  /** An app of that name with a token `numbered`. */
  async tokenOf({ server }: Doors, app: string, ...marks: readonly string[]): Promise<Token> {
    await tailrace(server, ["apps:create", app]);
    const made = await tailrace(server, ["tokens:create", "-a", app, "numbered", "--json", ...marks]);
    return JSON.parse(made.stdout) as Token;
  }

  /** The numbers of the lines that an app has, in their order. */
  async numbersOf({ server }: Doors, app: string): Promise<number[]> {
    const { stdout } = await tailrace(server, ["logs", "-a", app, "-n", String(linesMax), "--raw"]);
    const numbers = [...stdout.matchAll(/\bn=(\d+)\b/g)].map(([, number]) => Number(number));
    if (numbers.length === linesMax)
      throw new Error(`${app} was sent so much twice that its first lines are not kept`);
    return numbers;
  }

  /** The newest lines of an app, as `tailrace logs` prints them through a pipe. */
  async logOf({ server }: Doors, app: string): Promise<string> {
    return (await tailrace(server, ["logs", "-a", app, "-n", "100"])).stdout;
  }

  /** A configuration of docs/sending.md for these doors. */
  configuration(name: string, { server, syslog, udp }: Doors, { token, syslog_tag: tag }: Token): string {
    return configurationOf(name, {
      TOKEN: token,
      TAG: tag,
      "https://logs.example.com": server.url,
      "@logs.example.com/logs": `@${new URL(server.url).host}/logs`,
      "--server logs.example.com --port 6001": `--server 127.0.0.1 --port ${syslog}`,
      "logs.example.com:6514": `127.0.0.1:${udp}`,
    });
  }

  /** A configuration of rsyslog for one of the ports. */
  rsyslog(name: string, port: number, { token }: Token): string {
    const block = configurationOf(name, {});
    const replaced = {
      TOKEN: token,
      '"/etc/ssl/certs/ca-certificates.crt"': `"${pemFile("ca")}"`,
      'target="logs.example.com"': 'target="127.0.0.1"',
      "logs.example.com": "localhost",
      [/port="\d+"/.exec(block)![0]]: `port="${port}"`,
    };
    return ["rsyslog-template", name].map((one) => configurationOf(one, replaced)).join("\n");
  }

  /** The configuration of syslog-ng for the secure door. */
  syslogNg({ token }: Token): string {
    return configurationOf("syslog-ng", {
      TOKEN: token,
      'ca-dir("/etc/ssl/certs")': `ca-file("${pemFile("ca")}")`,
      '"logs.example.com" port(6514)': `"localhost" port(${this.secure.tls})`,
    });
  }

  /** A file with this text. */
  async file(text: string): Promise<string> {
    const path = join(this.folder, `lines-${++this.#files}`);
    await writeFile(path, text);
    return path;
  }
}

/** Runs `tailrace ARGS` as the operator. */
export const tailrace = (server: TestServer, args: readonly string[]): Promise<Ended> =>
  ended(
    spawn(process.execPath, [program, ...args], {
      env: operatorOf(server),
      stdio: ["ignore", "pipe", "pipe"],
    }),
  );

/** Runs a script of the page in which `tailrace` is the command, and `files` stand for names in it. */
export function shell(script: string, files: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const named = Object.entries(files).reduce((text, [name, path]) => text.replaceAll(name, path), script);
  const defined = `tailrace() { '${process.execPath}' '${program}' "$@"; }\n${named}`;
  return ended(spawn("bash", ["-c", defined], { stdio: ["ignore", "pipe", "pipe"] }));
}

export type Ended = { readonly status: number | null; readonly stdout: string; readonly stderr: string };

async function ended(child: ReturnType<typeof spawn>): Promise<Ended> {
  let stdout = "";
  let stderr = "";
  child.stdout!.on("data", (data) => (stdout += data));
  child.stderr!.on("data", (data) => (stderr += data));
  const [status] = (await once(child, "close")) as [number | null];
  return { status, stdout, stderr };
}

const operatorOf = (server: TestServer): NodeJS.ProcessEnv => ({
  ...process.env,
  TAILRACE_URL: server.url,
  TAILRACE_API_KEY: testKey,
  NODE_EXTRA_CA_CERTS: pemFile("ca"),
});
