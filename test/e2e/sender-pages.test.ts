/**
 * The configurations of docs/sending.md, sender by sender: those that install here are run, those that do not are read and
 * what they send is replayed.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { freePorts } from "../support/nats.ts";
import { openNginx } from "../support/nginx.ts";
import { writeOtlp } from "../support/otlp-receiver.ts";
import { startRsyslogSender } from "../support/rsyslog-sender.ts";
import { SenderWorld, shell, type Token, tailrace } from "../support/sender-world.ts";
import { configurationOf } from "../support/sending-page.ts";
import { program } from "../support/server.ts";
import { startSyslogNgSender } from "../support/syslog-ng-sender.ts";
import { until } from "../support/until.ts";

let world: SenderWorld;
beforeAll(async () => {
  world = await SenderWorld.open("the embedded store");
});
afterAll(() => world.close());

const fixture = (name: string) => readFileSync(new URL(`../fixtures/senders/${name}`, import.meta.url));
/** An app of its own, its token, and whether its log has lines that end so. */
async function appFor(name: string, ...marks: readonly string[]) {
  const app = name.toLowerCase().replace(/[^a-z0-9]+/g, "-");
  const token = await world.tokenOf(world.plain, app, ...marks);
  const has = async (...texts: readonly string[]) => {
    const shown = (await world.logOf(world.plain, app)).split("\n");
    return texts.every((text) => shown.some((line) => line.endsWith(text)));
  };
  return { app, token, has, page: (sender: string) => world.configuration(sender, world.plain, token) };
}

describe("run as the page says", () => {
  test("logger, curl and nginx", async () => {
    const { app, has, page } = await appFor("others");
    const file = (text: string) => world.file(text).then((path) => ({ "lines.txt": path }));
    const ended = { status: 0, stdout: "", stderr: "" };
    expect(await shell(page("logger"), await file("from logger é\n"))).toEqual(ended);
    await until(() => has("from logger é"));
    expect(await shell(page("curl"), await file("from curl é\nand more\n"))).toEqual(ended);
    expect(await has("numbered[cron.1]: from curl é", "numbered[cron.1]: and more")).toBe(true);
    expect(await shell(page("curl-frame"))).toEqual(ended);
    expect(await has("numbered[job.1]: déjà vu")).toBe(true);
    const wrong = await shell(page("curl-frame").replace("printf '%s %s'", "printf 'x%s %s'"));
    expect(wrong).toMatchObject({
      status: 22,
      stdout: expect.stringMatching(/^Malformed log messages.{20}/s), // and what to do
    });
    const nginx = await openNginx(`${page("nginx")} location / { return 200; }`);
    try {
      await fetch(`${nginx.url}a-page`);
      await until(async () =>
        /numbered\[.*\]: 127\.0\.0\.1 - - .*"GET \/a-page HTTP\/1\.1" 200/.test(
          await world.logOf(world.plain, app),
        ),
      );
    } finally {
      await nginx.close();
    }
    const { stdout } = await tailrace(world.plain.server, ["sources", "--json"]);
    expect(JSON.parse(stdout)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ door: "syslog-udp", framing: "datagram" }),
        expect.objectContaining({ door: "syslog" }),
      ]),
    );
  });

  test("systemd-journald, by a journal that it wrote", async () => {
    const { has, page } = await appFor("journald");
    const journal = join(world.folder, "kept.journal");
    writeFileSync(journal, gunzipSync(fixture("journald.journal.gz")));
    const journalctl = process.env.JOURNALCTL || "journalctl";
    const script = page("journald")
      .replace("https://", "http://")
      .replace("journalctl", `${journalctl} --file ${journal}`);
    const defined = `tailrace() { '${process.execPath}' '${program}' "$@"; }\n${script}`;
    const child = spawn("bash", ["-c", defined], { stdio: "ignore", detached: true }); // it follows without end
    try {
      await until(() => has("vm shop[5185]: no such user: é", "vm backup[5186]: disk is nearly full"));
    } finally {
      const gone = once(child, "close");
      process.kill(-child.pid!, "SIGKILL");
      await gone;
    }
  });

  test("rsyslog, for what systemd-journald forwards to its socket", async () => {
    const { token, has } = await appFor("forwarded", "--keep-hostname", "--keep-source");
    const socket = join(world.folder, "forwarded");
    const input = `module(load="imuxsock" SysSock.Use="off")\ninput(type="imuxsock" Socket="${socket}")`;
    const rsyslog = await startRsyslogSender(
      `${world.rsyslog("rsyslog-tcp", world.plain.syslog, token)}\n${input}`,
    );
    try {
      await until(() => existsSync(socket), { tell: () => rsyslog.said });
      // In journald's form: BSD syslog without a host, a datagram each.
      const { status } = await shell(
        `logger --socket '${socket}' --socket-errors=on --tag shop --id=77 'forwarded é'`,
      );
      expect(status).toBe(0);
      await until(() => has(".77]: forwarded é"), { tell: () => rsyslog.said });
    } finally {
      await rsyslog.close();
    }
  });

  test("rsyslog, for what others send it: with and without a space before the text", async () => {
    const { token, has } = await appFor("relayed", "--keep-hostname", "--keep-source");
    const [port = 0] = await freePorts(1);
    const rsyslog = await startRsyslogSender(
      `${world.rsyslog("rsyslog-tcp", world.plain.syslog, token)}
module(load="imtcp")\ninput(type="imtcp" port="${port}" address="127.0.0.1")`,
    );
    const send = (form: string, text: string) =>
      shell(`logger --server 127.0.0.1 --port ${port} --tcp ${form} --tag shop --id=77 '${text}'`);
    try {
      await until(async () => (await send("--rfc5424", "up")).status === 0, { tell: () => rsyslog.said });
      await send("--rfc5424", "accepted é"); // rsyslog keeps the text of RFC 5424 without the space before it,
      await send("--rfc3164", "closed é"); // that of BSD syslog with it
      await send("--rfc3164", "  indented");
      const all = [".77]: accepted é", ".77]: closed é", ".77]:   indented"];
      await until(() => has(...all), { tell: () => rsyslog.said });
    } finally {
      await rsyslog.close();
    }
  });

  test("syslog-ng over TLS", async () => {
    const token = await world.tokenOf(world.secure, "syslog-ng", "--keep-hostname", "--keep-source");
    const syslogNg = await startSyslogNgSender(world.syslogNg(token));
    const shown = [
      " shop[box1.77]: first line é",
      ' cron[box2]: [x] no pid, a "quote"',
      " shop[box1.77]:   indented",
    ];
    try {
      await syslogNg.write([
        "<30>Nov 28 10:00:00 box1 shop[77]: first line é",
        '<27>Nov 28 10:00:01 box2 cron: [x] no pid, a "quote"',
        "<30>Nov 28 10:00:02 box1 shop[77]:   indented",
      ]);
      await until(
        async () => {
          const log = (await world.logOf(world.secure, "syslog-ng")).split("\n");
          return shown.every((end) => log.some((line) => line.endsWith(end)));
        },
        { tell: () => syslogNg.said },
      );
    } finally {
      await syslogNg.close();
    }
  });

  test("an SDK of OpenTelemetry, by its variables alone", async () => {
    const { has, page } = await appFor("otel");
    const code = `
      import { OTLPLogExporter } from "@opentelemetry/exporter-logs-otlp-proto";
      import { BatchLogRecordProcessor, LoggerProvider } from "@opentelemetry/sdk-logs";
      const provider = new LoggerProvider({ processors: [new BatchLogRecordProcessor(new OTLPLogExporter())] });
      provider.getLogger("shop").emit({ body: "from an SDK é", severityNumber: 17 });
      await provider.shutdown();`;
    const root = fileURLToPath(new URL("../..", import.meta.url));
    const script = `${page("otel-sdk")}\ncd '${root}' && '${process.execPath}' --input-type=module -e '${code}'`;
    expect(await shell(script)).toMatchObject({ status: 0, stderr: "" });
    await until(() => has(": from an SDK é"));
  });
});

describe("replayed over TCP", () => {
  const time = "2026-01-02T03:04:05";
  const counted = (frame: string) => `${Buffer.byteLength(frame)} ${frame}`;
  type Frame = (tag: string, text: string) => string;
  test.each<[string, Frame]>([
    ["Docker, rfc5424micro", (tag, text) => `<30>1 ${time}.000006Z box ${tag} 77 ${tag} - ${text}\n`],
    [
      "Docker, rfc5424micro over TLS",
      (tag, text) => counted(`<30>1 ${time}.000006Z box ${tag} 77 ${tag} - ${text}\n`),
    ],
    ["Docker, rfc5424", (tag, text) => `<27>1 ${time}+02:00 box ${tag} 77 ${tag} - ${text}\n`],
    ["Docker, rfc3164", (tag, text) => `<30>Jan  2 03:04:05 box ${tag}[77]: ${text}\n`],
    ["Docker without a format", (tag, text) => `<30>Jan  2 03:04:05 ${tag}[77]: ${text}\n`],
    [
      "syslog-ng, driver syslog",
      (tag, text) => counted(`<13>1 ${time}+00:00 box1 ${tag} 77 - [meta sequenceId="1"] ${text}\n`),
    ],
    ["syslog-ng, driver network", (tag, text) => `<13>Nov 28 22:18:24 box1 ${tag}[77]: ${text}\n`],
  ])("frames of %s are lines of the token that is their tag", async (name, frame) => {
    const { token, has } = await appFor(name);
    const texts = ["line é", "[a] line in brackets", "  an indented line"];
    await send(texts.map((text) => frame(token.syslog_tag, text)).join(""));
    await until(() => has(...texts.map((text) => `numbered[77]: ${text}`)));
  });

  test("Docker's option names the token's second spelling, a port and a format of these", () => {
    expect(configurationOf("docker", {})).toMatch(
      /syslog-address=tcp:\S+:6001 [\s\S]*rfc5424micro --log-opt tag=TAG /,
    );
  });

  async function send(frames: string): Promise<void> {
    const socket = connect(world.plain.syslog, "127.0.0.1");
    socket.end(frames);
    await once(socket.resume(), "close");
  }
});

describe("replayed over HTTP, by what the configuration says", () => {
  const post = async (path: string, headers: Record<string, string>, body: Buffer | string) => {
    const sent = { method: "POST", headers, body: typeof body === "string" ? body : new Uint8Array(body) };
    return (await fetch(world.plain.server.url + path, sent)).status;
  };
  const pathOf = (url: string) => url.replace("https://logs.example.com", "");
  const page = (sender: string, { token }: Token) => configurationOf(sender, { TOKEN: token });
  const otlp = (body: object) =>
    writeOtlp({
      resourceLogs: [{ scopeLogs: [{ logRecords: [{ timeUnixNano: "1764374400000000000", body }] }] }],
    });

  test("Vector", async () => {
    const { token, has } = await appFor("vector");
    const { sinks } = parse(page("vector", token));
    const { uri, encoding, framing, compression, request, auth, type } = sinks.tailrace;
    expect({ type, encoding, framing, compression }).toEqual({
      type: "http",
      encoding: { codec: "json" },
      framing: { method: "newline_delimited" },
      compression: "gzip",
    });
    const event = (message: string) =>
      JSON.stringify({ host: "box", message, source_type: "file", level: "warn" });
    const headers = { ...request.headers, "content-encoding": "gzip", authorization: `Bearer ${auth.token}` };
    const body = gzipSync(`${event("one é")}\n${event("two")}\n`);
    expect(await post(pathOf(uri), headers, body)).toBe(204);
    expect(await has(`numbered[vector.1]: ${event("one é")}`, `numbered[vector.1]: ${event("two")}`)).toBe(
      true,
    );
  });

  test.each([
    ["a text", { stringValue: "from Fluent Bit é" }, ": from Fluent Bit é"],
    [
      "a map",
      { kvlistValue: { values: [{ key: "log", value: { stringValue: "from Fluent Bit é" } }] } },
      ': {"log":"from Fluent Bit é"}',
    ],
  ])("Fluent Bit, whose record's body is %s", async (name, body, shown) => {
    const { token, has } = await appFor(`fluent-bit ${name}`);
    const settings = new Map(
      page("fluent-bit", token)
        .split("\n")
        .map((line) => /^ +(\S+) +(.*)$/.exec(line))
        .flatMap((match) => (match === null ? [] : [[match[1]!, match[2]!] as const])),
    );
    const [header = "", ...value] = settings.get("Header")!.split(" ");
    expect(settings.get("Name")).toBe("opentelemetry");
    expect(settings.get("compress")).toBe("gzip");
    const headers = {
      [header]: value.join(" "),
      "content-type": "application/x-protobuf",
      "content-encoding": "gzip",
      "user-agent": "Fluent-Bit",
    };
    expect(await post(settings.get("logs_uri")!, headers, gzipSync(otlp(body)))).toBe(200);
    expect(await has(shown)).toBe(true);
  });

  test("the Collector of OpenTelemetry", async () => {
    const { token, has } = await appFor("collector");
    const { exporters, service } = parse(page("otel-collector", token));
    const [name] = service.pipelines.logs.exporters;
    const { logs_endpoint, headers, retry_on_failure, sending_queue } = exporters[name];
    expect({ retry_on_failure, sending_queue }).toEqual({
      retry_on_failure: { enabled: true, max_elapsed_time: 0 },
      sending_queue: { enabled: true },
    });
    const own = { "content-type": "application/x-protobuf", "content-encoding": "gzip" };
    const body = gzipSync(otlp({ stringValue: "from the Collector é" }));
    expect(await post(pathOf(logs_endpoint), { ...headers, ...own }, body)).toBe(200);
    expect(await has(": from the Collector é")).toBe(true);
  });

  test("log-shuttle", async () => {
    const { token, has } = await appFor("log-shuttle");
    const [, user, password, path] = /-logs-url https:\/\/(\w+):(\S+)@logs\.example\.com(\/\S+)/.exec(
      page("log-shuttle", token),
    )!;
    const frame = "<190>1 2026-01-02T03:04:05.000006+00:00 shuttle token web.1 - - from log-shuttle é\n";
    const headers = {
      authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`,
      "content-type": "application/logplex-1",
      "logplex-msg-count": "1",
      "x-request-id": "1E4C",
    };
    expect(await post(path!, headers, `${Buffer.byteLength(frame)} ${frame}`)).toBe(204);
    expect(await has("numbered[web.1]: from log-shuttle é")).toBe(true);
  });
});

test("what has answers is stored before them, whichever door, in one order", async () => {
  const { app, token, has } = await appFor("answered");
  const socket = connect(world.plain.relp, "127.0.0.1");
  let answers = "";
  socket.on("data", (data) => (answers += data));
  const frame = `<190>1 - box ${token.token} web.1 - - by RELP`;
  socket.write(`1 open 14 relp_version=0\n2 syslog ${frame.length} ${frame}\n`);
  await until(() => answers.includes("2 rsp 6 200 OK\n"));
  socket.destroy();
  const { url } = world.plain.server;
  const headers = { authorization: `Bearer ${token.token}`, "content-type": "application/json" };
  const records = { resourceLogs: [{ scopeLogs: [{ logRecords: [{ body: { stringValue: "by OTLP" } }] }] }] };
  const sent = { method: "POST", headers, body: JSON.stringify(records) };
  expect((await fetch(`${url}/v1/logs`, sent)).status).toBe(200);
  const plainly = { ...sent, headers: { ...headers, "content-type": "text/plain" }, body: "by HTTP" };
  expect((await fetch(`${url}/logs?process=web.1`, plainly)).status).toBe(204);
  await world.plain.server.kill("SIGKILL");
  await world.plain.server.start();
  expect(await has("by RELP", "by OTLP", "by HTTP")).toBe(true);
  expect((await world.logOf(world.plain, app)).match(/by \w+$/gm)).toEqual(["by RELP", "by OTLP", "by HTTP"]);
});

test.each([
  ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "http2", "it is HTTP/2, as gRPC's is"],
  ["<14>1 - box app 1 - - a line\n", "syslog_to_http", "it is syslog"],
  ["28 <14>1 - box app 1 - - a line", "syslog_to_http", "it is syslog"],
])("at the address of --http, %j is told to its sender and to the operator", async (begin, cause, said) => {
  const { server } = world.plain;
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
  socket.write(begin);
  const [answer] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  expect(answer.toString()).toContain(`The request cannot be read: ${said}`);
  const { stdout } = await tailrace(server, ["sources", "--json"]);
  expect((JSON.parse(stdout) as { last_error: object | null }[])[0]!.last_error).toMatchObject({ cause });
});
