/** The senders of docs/sending.md that run here, each of which is given lines to send until it is ended. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { Agent, get } from "node:http";
import { OTLPLogExporter } from "@opentelemetry/exporter-logs-otlp-proto";
import { BatchLogRecordProcessor, LoggerProvider, type LogRecordExporter } from "@opentelemetry/sdk-logs";
import { openNginx } from "./nginx.ts";
import { startRsyslogSender } from "./rsyslog-sender.ts";
import { type Doors, type SenderWorld, shell, type Token } from "./sender-world.ts";
import { program } from "./server.ts";
import { startSyslogNgSender } from "./syslog-ng-sender.ts";

/** A sender under way. */
export type Sending = {
  write(lines: readonly string[]): void | Promise<void>;
  /** No more lines will come. Resolves when all are sent, as far as the sender knows. */
  end(): Promise<void>;
  /** Ends it, whatever it does. */
  close(): Promise<void>;
};

export type NumberedSender = {
  /** Also the name of its app. */
  readonly name: string;
  readonly door: "plain" | "secure";
  /** `stretch`: lines of one stretch; `rest`: all behind one; `any`: any. */
  readonly mayLose: "nothing" | "stretch" | "rest" | "any";
  readonly marks?: readonly string[];
  readonly open: (world: SenderWorld, doors: Doors, token: Token) => Promise<Sending>;
};

const kept = ["--keep-hostname", "--keep-source"];

const rsyslog = (
  name: string,
  door: "plain" | "secure",
  port: "relp" | "syslog" | "tls" | "udp",
  mayLose: NumberedSender["mayLose"],
): NumberedSender => ({
  name,
  door,
  mayLose,
  marks: kept,
  async open(world, doors, token) {
    const sender = await startRsyslogSender(world.rsyslog(name, doors[port], token));
    return { write: (lines) => sender.write(lines), end: async () => {}, close: () => sender.close() };
  },
});

const syslogNg: NumberedSender = {
  name: "syslog-ng",
  door: "secure",
  mayLose: "stretch",
  marks: kept,
  async open(world, _, token) {
    const sender = await startSyslogNgSender(world.syslogNg(token));
    return {
      write: (lines) => sender.write(lines.map((line) => `<134>Nov 28 10:00:00 box numbered: ${line}`)),
      end: async () => {},
      close: () => sender.close(),
    };
  },
};

/** A program that reads lines from its standard input. */
function piped(child: ChildProcess): Sending {
  const over = once(child, "close");
  child.stdin!.on("error", () => {}); // it has ended: its lines are missing
  return {
    async write(lines) {
      if (child.exitCode !== null || child.stdin!.destroyed) return;
      const hasRoom = child.stdin!.write(lines.map((line) => `${line}\n`).join(""));
      if (!hasRoom) await Promise.race([once(child.stdin!, "drain").catch(() => {}), over]);
    },
    async end() {
      child.stdin!.end();
      await over;
    },
    async close() {
      if (child.exitCode === null) child.kill("SIGKILL");
      await over;
    },
  };
}

const cli = (args: readonly string[], url: string) =>
  spawn(process.execPath, [program, ...args], {
    env: { ...process.env, LOGS_URL: url },
    stdio: ["pipe", "ignore", "inherit"],
  });
const urlOf = ({ server }: Doors, { token }: Token) =>
  `${server.url.replace("//", `//token:${token}@`)}/logs`;

/** An exporter of the SDK behind a queue that repeats, as the Collector's does. */
function repeating(exporter: OTLPLogExporter): LogRecordExporter {
  return {
    export(records, done) {
      const attempt = () =>
        exporter.export(records, (result) => {
          if (result.code === 0) done(result);
          else setTimeout(attempt, 200);
        });
      attempt();
    },
    shutdown: () => exporter.shutdown(),
  };
}

function otlp({ server }: Doors, { token }: Token): Sending {
  const exporter = new OTLPLogExporter({
    url: `${server.url}/v1/logs`,
    headers: { Authorization: `Bearer ${token}` },
    timeoutMillis: 60_000, // what is repeated for a slow answer is stored twice
  });
  const processor = new BatchLogRecordProcessor(repeating(exporter), {
    maxQueueSize: 100_000,
    scheduledDelayMillis: 100,
    exportTimeoutMillis: 120_000,
  });
  const logger = new LoggerProvider({ processors: [processor] }).getLogger("test");
  return {
    write(lines) {
      for (const body of lines) logger.emit({ body, severityNumber: 9 });
    },
    end: () => processor.forceFlush(),
    close: () => processor.shutdown(),
  };
}

async function nginx(world: SenderWorld, doors: Doors, token: Token): Promise<Sending> {
  const server = await openNginx(`${world.configuration("nginx", doors, token)} location / { return 204; }`);
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  const ask = (line: string) =>
    new Promise<void>((resolve, reject) => {
      const request = get(`${server.url}?${line.replaceAll(" ", "&")}`, { agent }, (answer) =>
        answer.resume().once("end", resolve),
      );
      request.once("error", reject);
    });
  return {
    write: async (lines) => void (await Promise.all(lines.map(ask))),
    end: async () => {},
    async close() {
      agent.destroy();
      await server.close();
    },
  };
}

/** A file a call, each repeated until it is stored, one after the other. */
function curl(world: SenderWorld, doors: Doors, token: Token): Sending {
  const script = world.configuration("curl", doors, token);
  let all: Promise<unknown> = Promise.resolve();
  const send = async (lines: readonly string[]) => {
    const file = await world.file(lines.map((line) => `${line}\n`).join(""));
    const { status, stderr } = await shell(script, { "lines.txt": file });
    if (status !== 0) throw new Error(`curl: ${status} ${stderr}`);
  };
  let some: string[] = [];
  return {
    write(lines) {
      some.push(...lines);
      if (some.length < 500) return;
      const file = some;
      some = [];
      all = all.then(() => send(file));
    },
    async end() {
      await all;
      if (some.length > 0) await send(some);
    },
    close: async () => void (await Promise.allSettled([all])),
  };
}

export const numberedSenders: readonly NumberedSender[] = [
  rsyslog("rsyslog-relp", "plain", "relp", "nothing"),
  rsyslog("rsyslog-relp-tls", "secure", "relp", "nothing"),
  rsyslog("rsyslog-tcp", "plain", "syslog", "stretch"),
  rsyslog("rsyslog-tls", "secure", "tls", "stretch"),
  rsyslog("rsyslog-udp", "plain", "udp", "any"),
  syslogNg,
  { name: "nginx", door: "plain", mayLose: "any", open: nginx },
  {
    name: "logger",
    door: "plain",
    mayLose: "rest",
    open: async (world, doors, token) => {
      const script = world.configuration("logger", doors, token).replace("< lines.txt", "");
      return piped(spawn("sh", ["-c", script], { stdio: ["pipe", "ignore", "ignore"] }));
    },
  },
  { name: "otlp", door: "plain", mayLose: "nothing", open: async (_, ...of) => otlp(...of) },
  { name: "curl", door: "plain", mayLose: "nothing", open: async (...of) => curl(...of) },
  {
    name: "ship",
    door: "plain",
    mayLose: "nothing",
    open: async (_, ...of) => piped(cli(["ship"], urlOf(...of))),
  },
  {
    name: "run",
    door: "plain",
    mayLose: "nothing",
    open: async (_, ...of) => piped(cli(["run", "--dyno", "web.1", "--", "cat"], urlOf(...of))),
  },
];
