/**
 * The configurations of docs/sending.md in real programs: 10,000 numbered lines each through a server that is killed
 * with -9 once. What has answers loses none.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { OTLPLogExporter } from "@opentelemetry/exporter-logs-otlp-proto";
import { BatchLogRecordProcessor, LoggerProvider, type LogRecordExporter } from "@opentelemetry/sdk-logs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openNginx } from "../support/nginx.ts";
import { closedPort } from "../support/raw-peer.ts";
import { RsyslogSender } from "../support/rsyslog-sender.ts";
import { configurationOf } from "../support/sending-page.ts";
import { program, stores, TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";

const lines = 10_000;
const linesEach = 50;
const pauseMs = 20;
const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/tls/${name}.pem`, import.meta.url));

type Ports = { readonly syslog: number; readonly tls: number; readonly udp: number; readonly relp: number };
let plain: TestServer;
let secure: TestServer;
let ports: Ports;
let securePorts: Ports;
let folder: string;

const freePorts = async (): Promise<Ports> => ({
  syslog: 0,
  tls: await closedPort(),
  udp: await closedPort(),
  relp: await closedPort(),
});
const address = (port: number) => `127.0.0.1:${port}`;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tailrace-senders-"));
  const history = ["--history-lines", "40000"];
  const wanted = await freePorts();
  plain = await TestServer.start([
    ...history,
    "--relp",
    address(wanted.relp),
    "--syslog-udp",
    address(wanted.udp),
  ]);
  ports = { ...wanted, syslog: plain.syslogPort };
  const files = ["--tls-cert", fixture("server"), "--tls-key", fixture("server-key")];
  securePorts = await freePorts();
  const listen = ["--syslog-tls", address(securePorts.tls), "--relp", address(securePorts.relp)];
  secure = await TestServer.start([...history, ...files, ...listen], { NODE_EXTRA_CA_CERTS: fixture("ca") });
}, 60_000);
afterAll(async () => {
  await Promise.all([plain?.destroy(), secure?.destroy()]);
  await rm(folder, { recursive: true, force: true });
});

/** The numbers of the lines that an app has, in their order. */
async function numbersOf(server: TestServer, app: string): Promise<number[]> {
  const { stdout } = await tailrace(server, ["logs", "-a", app, "-n", "40000", "--raw"]);
  return [...stdout.matchAll(/\bn=(\d+)\b/g)].map(([, number]) => Number(number));
}

async function tailrace(
  server: TestServer,
  args: readonly string[],
  input = "",
  env: NodeJS.ProcessEnv = {},
) {
  const child = spawn(process.execPath, [program, ...args], {
    env: {
      ...process.env,
      TAILRACE_URL: server.url,
      TAILRACE_API_KEY: "test-operator-key-000000000000000000",
      NODE_EXTRA_CA_CERTS: fixture("ca"),
      ...env,
    },
    stdio: ["pipe", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (data) => (stdout += data));
  child.stderr.on("data", (data) => (stderr += data));
  child.stdin.end(input);
  const [status] = await once(child, "close");
  return { status, stdout, stderr };
}

/** Runs a script of the page with `text` in the file that it names. */
async function shell(script: string, text = ""): Promise<string> {
  const file = join(folder, `lines-${Math.random()}`);
  await writeFile(file, text);
  const child = spawn("sh", ["-c", script.replaceAll("lines.txt", file)], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (said += data));
  const [status] = await once(child, "close");
  expect({ status, said }).toMatchObject({ status: 0 });
  return said;
}

async function tokenOf(server: TestServer, app: string, ...marks: readonly string[]) {
  await tailrace(server, ["apps:create", app]);
  const { stdout } = await tailrace(server, ["tokens:create", "-a", app, "numbered", "--json", ...marks]);
  return JSON.parse(stdout) as { token: string; syslog_tag: string };
}

type Way = { readonly app: string; readonly server: () => TestServer; readonly losesNone: boolean };
const ways: readonly (Way & { readonly sender: string; readonly port: () => number })[] = [
  { app: "relp", sender: "rsyslog-relp", server: () => plain, port: () => ports.relp, losesNone: true },
  { app: "tcp", sender: "rsyslog-tcp", server: () => plain, port: () => ports.syslog, losesNone: false },
  { app: "udp", sender: "rsyslog-udp", server: () => plain, port: () => ports.udp, losesNone: false },
  {
    app: "relp-tls",
    sender: "rsyslog-relp-tls",
    server: () => secure,
    port: () => securePorts.relp,
    losesNone: true,
  },
  { app: "tls", sender: "rsyslog-tls", server: () => secure, port: () => securePorts.tls, losesNone: false },
];

/** Writes all lines, a few at a time. */
async function writeAll(write: (some: readonly string[]) => void | Promise<void>): Promise<void> {
  for (let first = 0; first < lines; first += linesEach) {
    await write(Array.from({ length: linesEach }, (_, i) => `line n=${first + i} of many`));
    await delay(pauseMs);
  }
}

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

test("a kill -9 costs RELP, OTLP and HTTP no line, TCP and TLS one stretch at most", async () => {
  const senders: RsyslogSender[] = [];
  const tellers: Promise<void>[] = [];
  try {
    for (const { app, sender, server, port } of ways) {
      const { token } = await tokenOf(server(), app, "--keep-hostname", "--keep-source");
      const configuration = ["rsyslog-template", sender].map((name) =>
        configurationOf(name, {
          TOKEN: token,
          '"/etc/ssl/certs/ca-certificates.crt"': `"${fixture("ca")}"`,
          'target="logs.example.com"': 'target="127.0.0.1"',
          "logs.example.com": "localhost",
          [/port="(\d+)"/.exec(configurationOf(sender, {}))![0]]: `port="${port()}"`,
        }),
      );
      const rsyslog = await RsyslogSender.start(configuration.join("\n"));
      senders.push(rsyslog);
      tellers.push(writeAll((some) => rsyslog.write(some)));
    }

    const otlp = await tokenOf(plain, "otlp");
    const exporter = new OTLPLogExporter({
      url: `${plain.url}/v1/logs`,
      headers: { Authorization: `Bearer ${otlp.token}` },
      timeoutMillis: 2_000,
    });
    const processor = new BatchLogRecordProcessor(repeating(exporter), {
      maxQueueSize: 2 * lines,
      scheduledDelayMillis: 100,
      exportTimeoutMillis: 120_000,
    });
    const logger = new LoggerProvider({ processors: [processor] }).getLogger("test");
    tellers.push(
      writeAll((some) => {
        for (const body of some) logger.emit({ body, severityNumber: 9 });
      }),
    );

    const { token } = await tokenOf(plain, "shipped");
    const url = plain.url.replace("//", `//token:${token}@`);
    const ship = spawn(process.execPath, [program, "ship"], {
      env: { ...process.env, LOGS_URL: `${url}/logs` },
      stdio: ["pipe", "ignore", "inherit"],
    });
    const shipped = once(ship, "close");
    tellers.push(
      writeAll(async (some) => {
        if (!ship.stdin.write(some.map((line) => `${line}\n`).join(""))) await once(ship.stdin, "drain");
      }).then(() => void ship.stdin.end()),
    );

    const all = [
      ...ways,
      { app: "otlp", server: () => plain, losesNone: true },
      { app: "shipped", server: () => plain, losesNone: true },
    ];
    for (const { app, server } of all)
      await until(async () => (await numbersOf(server(), app)).length > lines / 10, { msMax: 60_000 });
    await Promise.all([plain.kill("SIGKILL"), secure.kill("SIGKILL")]);
    await delay(500);
    await Promise.all([plain.start(), secure.start()]);
    await Promise.all([...tellers, shipped]);
    await processor.forceFlush();
    await processor.shutdown();

    for (const { app, server, losesNone } of all) {
      // Over UDP any line can be missing, the last one, too.
      const isThere = async () => new Set(await numbersOf(server(), app)).has(lines - 1);
      if (app !== "udp") await until(isThere, { msMax: 60_000 });
      const numbers = new Set(await numbersOf(server(), app));
      const missing = Array.from({ length: lines }, (_, n) => n).filter((n) => !numbers.has(n));
      console.info(`${app}: ${missing.length} of ${lines} lines lost`);
      if (losesNone) expect({ app, missing }).toEqual({ app, missing: [] });
      else if (app !== "udp") expect(missing.at(-1)! - missing[0]! + 1 || 0).toBe(missing.length);
    }
    const { stdout } = await tailrace(plain, ["logs", "-a", "relp", "-n", "1", "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({ source: "numbered", severity: "info" });
  } catch (error) {
    for (const { said } of senders) if (said !== "") console.error(said);
    throw error;
  } finally {
    await Promise.allSettled(tellers);
    for (const sender of senders) await sender.close();
  }
}, 240_000);

test.each(stores)(
  "what has answers is stored before them on %s, in one order",
  async (store) => {
    const relp = await closedPort();
    const server = await TestServer.startOn(store, ["--relp", address(relp)]);
    try {
      const { token } = await tokenOf(server, "answered");
      const socket = connect(relp, "127.0.0.1");
      let told = "";
      socket.on("data", (data) => (told += data));
      const frame = `<190>1 - box ${token} web.1 - - by RELP`;
      socket.write(`1 open 14 relp_version=0\n2 syslog ${frame.length} ${frame}\n`);
      await until(() => told.includes("2 rsp 6 200 OK\n"));
      socket.destroy();
      const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
      const body = { stringValue: "by OTLP" };
      const request = { resourceLogs: [{ scopeLogs: [{ logRecords: [{ body }] }] }] };
      const sent = { method: "POST", headers, body: JSON.stringify(request) };
      expect((await fetch(`${server.url}/v1/logs`, sent)).status).toBe(200);
      const plainly = { ...sent, headers: { ...headers, "content-type": "text/plain" }, body: "by HTTP" };
      expect((await fetch(`${server.url}/logs?process=web.1`, plainly)).status).toBe(204);
      await server.kill("SIGKILL");
      await server.start();
      const { stdout } = await tailrace(server, ["logs", "-a", "answered", "-n", "10"]);
      expect(stdout.match(/by \w+$/gm)).toEqual(["by RELP", "by OTLP", "by HTTP"]);
    } finally {
      await server.destroy();
    }
  },
  60_000,
);

test("nginx, logger and curl send as the page says", async () => {
  const { token, syslog_tag: tag } = await tokenOf(plain, "others");
  const replaced = {
    TOKEN: token,
    TAG: tag,
    "https://logs.example.com": plain.url,
    "--server logs.example.com --port 6001": `--server 127.0.0.1 --port ${ports.syslog}`,
    "logs.example.com:6514": `127.0.0.1:${ports.udp}`,
  };
  const shown = async (text: string) => {
    const { stdout } = await tailrace(plain, ["logs", "-a", "others", "-n", "100"]);
    return stdout.split("\n").some((line) => line.endsWith(text));
  };
  await shell(configurationOf("logger", replaced), "from logger é\n");
  await until(() => shown("from logger é"));
  await shell(configurationOf("curl", replaced), "from curl é\nand more\n");
  expect(await shown("numbered[cron.1]: from curl é")).toBe(true);
  expect(await shown("numbered[cron.1]: and more")).toBe(true);
  await shell(configurationOf("curl-frame", replaced));
  expect(await shown("numbered[job.1]: déjà vu")).toBe(true);
  const nginx = await openNginx(`${configurationOf("nginx", replaced)} location / { return 200; }`);
  try {
    await fetch(`${nginx.url}a-page`);
    await until(async () => {
      const { stdout } = await tailrace(plain, ["logs", "-a", "others", "-n", "100"]);
      return /numbered\[.*\]: 127\.0\.0\.1 - - .*"GET \/a-page HTTP\/1\.1" 200/.test(stdout);
    });
  } finally {
    await nginx.close();
  }
  const { stdout } = await tailrace(plain, ["sources", "--json"]);
  expect(JSON.parse(stdout)).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ door: "syslog-udp", framing: "datagram" }),
      expect.objectContaining({ door: "syslog" }),
    ]),
  );
});

test.each([
  [
    "Docker, rfc5424micro",
    (tag: string) => `<30>1 2026-01-02T03:04:05.000006Z box ${tag} 77 ${tag} - from docker`,
  ],
  ["Docker, rfc3164", (tag: string) => `<30>Jan  2 03:04:05 box ${tag}[77]: from docker`],
  ["Docker without a format", (tag: string) => `<30>Jan  2 03:04:05 ${tag}[77]: from docker`],
  [
    "syslog-ng",
    (tag: string) =>
      `<30>1 2026-01-02T03:04:05+00:00 box prog 77 - [tailrace@32473 token="${tag}"] from docker`,
  ],
])("frames of %s are lines of the token", async (name, frame) => {
  const app = name.toLowerCase().replace(/[^a-z0-9]+/g, "-");
  const { token, syslog_tag: tag } = await tokenOf(plain, app);
  const socket = connect(ports.syslog, "127.0.0.1");
  socket.end(`${frame(name.includes("5424") ? tag : token)}\n`);
  await once(socket.resume(), "close");
  await until(async () =>
    (await tailrace(plain, ["logs", "-a", app])).stdout.includes("numbered[77]: from docker"),
  );
});
