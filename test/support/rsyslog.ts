/** A real rsyslogd on a free port, as a receiver of syslog over TCP or TLS; what it got is read from its file. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { until } from "./until.ts";

const binary = process.env.RSYSLOGD || (existsSync("/usr/sbin/rsyslogd") ? "/usr/sbin/rsyslogd" : "rsyslogd");

/** A message as rsyslog took it apart. */
type RsyslogLine = {
  readonly pri: string;
  readonly timestamp: string;
  readonly hostname: string;
  readonly app: string;
  readonly procid: string;
  readonly msgid: string;
  readonly data: string;
  readonly message: string;
};

export type RsyslogTls = {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  /** Ask clients for a certificate of `ca`. */
  readonly asksClients?: boolean;
};

export class Rsyslog {
  readonly #folder: string;
  #port: number;
  #child: ChildProcess | undefined;

  private constructor(folder: string) {
    this.#folder = folder;
    this.#port = 0;
  }

  static async open(tls?: RsyslogTls): Promise<Rsyslog> {
    const folder = await mkdtemp(join(tmpdir(), "tailrace-rsyslog-"));
    const rsyslog = new Rsyslog(folder);
    if (tls !== undefined) {
      for (const name of ["ca", "cert", "key"] as const) await writeFile(join(folder, name), tls[name]);
    }
    await rsyslog.start(tls);
    return rsyslog;
  }

  get port(): number {
    return this.#port;
  }

  /** Everything received so far, in order, over all starts. */
  async lines(): Promise<RsyslogLine[]> {
    const text = await readFile(join(this.#folder, "out"), "utf8").catch(() => "");
    return text
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as RsyslogLine);
  }

  /** Resolves when it holds that many. */
  async got(count: number): Promise<RsyslogLine[]> {
    await until(async () => (await this.lines()).length >= count);
    return this.lines();
  }

  /** Starts it, again on the port that it had. */
  async start(tls?: RsyslogTls): Promise<void> {
    const portFile = join(this.#folder, "port");
    await rm(portFile, { force: true });
    const config = join(this.#folder, "config");
    await writeFile(config, configOf(this.#folder, this.#port, tls));
    let said = "";
    const child = spawn(binary, ["-n", "-C", "-f", config, "-i", join(this.#folder, "pid")], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (said += data));
    this.#child = child;
    let ended: string | undefined;
    child.once("error", (cause) => (ended = cause.message));
    child.once("exit", (code) => (ended = `it ended with ${code}`));
    await until(async () => {
      if (ended !== undefined) throw new Error(`no rsyslogd: ${ended} ${said}`);
      this.#port ||= Number(await readFile(portFile, "utf8").catch(() => ""));
      return this.#port > 0 && (await isListening(this.#port));
    });
  }

  async kill(signal: "SIGKILL" | "SIGTERM" = "SIGKILL"): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const gone = once(child, "exit");
    child.kill(signal);
    await gone;
  }

  async close(): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

const isListening = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => resolve(true));
    socket.once("connect", () => socket.destroy());
    socket.once("error", () => resolve(false));
  });

const fields = [
  ["pri", "pri"],
  ["timereported", "timestamp"],
  ["hostname", "hostname"],
  ["app-name", "app"],
  ["procid", "procid"],
  ["msgid", "msgid"],
  ["structured-data", "data"],
  ["msg", "message"],
] as const;

function configOf(folder: string, port: number, tls: RsyslogTls | undefined): string {
  const properties = fields.map(([name, outname]) => {
    const date = name === "timereported" ? ' dateFormat="rfc3339"' : "";
    return `property(name="${name}" outname="${outname}" format="jsonf"${date})`;
  });
  const driver =
    tls === undefined
      ? ""
      : ` StreamDriver.Name="gtls" StreamDriver.Mode="1" StreamDriver.AuthMode="${tls.asksClients ? "x509/certvalid" : "anon"}"`;
  const files =
    tls === undefined
      ? ""
      : ` DefaultNetstreamDriverCAFile="${folder}/ca" DefaultNetstreamDriverCertFile="${folder}/cert" DefaultNetstreamDriverKeyFile="${folder}/key"`;
  return `global(workDirectory="${folder}" parser.escapeControlCharactersOnReceive="off" maxMessageSize="300k"${files})
main_queue(queue.type="direct")
module(load="imtcp"${driver})
template(name="line" type="list") {
  constant(value="{")
  ${properties.join('\n  constant(value=",")\n  ')}
  constant(value="}\\n")
}
input(type="imtcp" address="127.0.0.1" port="${port}" listenPortFileName="${folder}/port")
action(type="omfile" file="${folder}/out" template="line")
`;
}
