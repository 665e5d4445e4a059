/** What signals do to a real server: which ask for an end, which for files, and which for nothing. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { Agent, get } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "vitest";
import { runCli } from "../support/cli.ts";
import { LedgerReceiver, sendNumbered } from "../support/ledger.ts";
import { freePorts } from "../support/nats.ts";
import { program, TestServer, testKey } from "../support/server.ts";
import { ca, selfSignedTls, serverTls } from "../support/tls.ts";
import { until } from "../support/until.ts";

let server: TestServer | undefined;
afterEach(async () => {
  await server?.destroy();
  server = undefined;
});

/** The newest line of the server's log that says `text`. */
const said = (text: string) => server!.output.split("\n").findLast((line) => line.includes(text));
const untilSaid = (text: string, from: number) =>
  until(() => server!.output.slice(from).includes(text), { tell: () => `not said: ${text}` });
const isAlive = async () => (await fetch(`${server!.url}/healthz`)).ok;

describe("a signal that asks for an end", () => {
  test.each(["SIGTERM", "SIGINT", "SIGQUIT"] as const)(
    "%s stops the server cleanly, with status 0",
    async (signal) => {
      server = await TestServer.start();
      const receiver = await LedgerReceiver.open();
      const { tokens } = await server.createApp("stop");
      await server.api("POST", "/apps/stop/log-drains", { url: receiver.url });
      await sendNumbered({ url: () => server!.url, token: tokens.app!, sender: 0, count: 5, linesEach: 5 });
      await until(() => receiver.sightings.distinct === 5, {
        tell: () => `${receiver.sightings.distinct} of 5`,
      });
      expect(await server.kill(signal)).toBe(0);
      expect(said("stopping")).toContain(signal);
      expect(said('"msg":"stopped"')).toBeDefined();
      await server.start();
      await sendNumbered({ url: () => server!.url, token: tokens.app!, sender: 1, count: 1, linesEach: 1 });
      await until(() => receiver.sightings.distinct === 6, {
        tell: () => `${receiver.sightings.distinct} of 6`,
      });
      expect(receiver.sightings.repeats).toBe(0); // the cursor was committed
      await receiver.close();
    },
  );
});

describe("a signal that asks for nothing", () => {
  test.each(["SIGUSR1", "SIGUSR2"] as const)(
    "%s is a line in the log and opens no debugger",
    async (signal) => {
      server = await TestServer.start();
      const from = server.output.length;
      process.kill(server.pid, signal);
      await untilSaid("this signal asks for nothing", from);
      expect(said("this signal asks for nothing")).toContain(signal);
      expect(await isAlive()).toBe(true);
      expect(server.output).not.toContain("Debugger");
    },
  );

  test("SIGPIPE changes nothing", async () => {
    server = await TestServer.start();
    process.kill(server.pid, "SIGPIPE");
    expect(await isAlive()).toBe(true);
    expect(await server.kill("SIGTERM")).toBe(0);
  });

  test("SIGHUP without a certificate is a line in the log", async () => {
    server = await TestServer.start();
    const from = server.output.length;
    process.kill(server.pid, "SIGHUP");
    await untilSaid("there are no files to read again", from);
    expect(await isAlive()).toBe(true);
  });
});

describe("SIGHUP with a certificate", () => {
  let folder: string;
  const [certFile, keyFile] = [() => join(folder, "cert.pem"), () => join(folder, "key.pem")];
  afterEach(() => rm(folder, { recursive: true, force: true }));

  /** As tools do that renew certificates: written aside, then renamed. */
  const put = async ({ cert, key }: { cert: string; key: string }) => {
    for (const [path, text] of [
      [certFile(), cert],
      [keyFile(), key],
    ] as const) {
      await writeFile(`${path}.new`, text);
      await rename(`${path}.new`, path);
    }
  };
  const hangUp = async (words: string) => {
    const from = server!.output.length;
    process.kill(server!.pid, "SIGHUP");
    await untilSaid(words, from);
  };
  /** The fingerprint of what a new connection is shown. */
  const shown = async () => {
    const { hostname, port } = new URL(server!.url);
    const socket = connectTls({ host: hostname, port: Number(port), rejectUnauthorized: false });
    await once(socket, "secureConnect");
    const { fingerprint256 } = socket.getPeerCertificate();
    socket.destroy();
    return fingerprint256;
  };

  test("shows new connections the new certificate, and drops none that is open; one that cannot be used is told", async () => {
    folder = await mkdtemp(join(tmpdir(), "tailrace-tls-"));
    await put(serverTls);
    server = await TestServer.start(["--tls-cert", certFile(), "--tls-key", keyFile()]);
    const agent = new Agent({ keepAlive: true, maxSockets: 1, ca });
    const ask = async () => {
      const request = get(`${server!.url}/healthz`, { agent, rejectUnauthorized: false });
      const [response] = await once(request, "response");
      response.resume();
      await once(response, "end");
      return { status: response.statusCode, isReused: request.reusedSocket };
    };
    expect(await ask()).toEqual({ status: 200, isReused: false });
    const first = await shown();

    await put(selfSignedTls);
    await hangUp("files of the settings were read again");
    expect(said("were read again")).toContain(certFile());
    const second = await shown();
    expect(second).not.toBe(first);
    expect(await ask()).toEqual({ status: 200, isReused: true });

    await writeFile(certFile(), "");
    await hangUp("what was read before stays");
    expect(said("what was read before stays")).toContain("holds no PEM certificate");
    expect(await shown()).toBe(second);
    await rm(certFile());
    await hangUp("what was read before stays");
    expect(await shown()).toBe(second);
    await put(serverTls);
    await hangUp("files of the settings were read again");
    expect(await shown()).toBe(first);
    agent.destroy();
  });

  test("shows it to new senders of syslog and RELP over TLS, and those that are connected go on", async () => {
    folder = await mkdtemp(join(tmpdir(), "tailrace-tls-"));
    await put(serverTls);
    const [tls = 0, relp = 0] = await freePorts(2);
    const doors = ["--syslog-tls", `127.0.0.1:${tls}`, "--relp", `127.0.0.1:${relp}`];
    server = await TestServer.start(["--tls-cert", certFile(), "--tls-key", keyFile(), ...doors], {
      NODE_EXTRA_CA_CERTS: fileURLToPath(new URL("../fixtures/tls/ca.pem", import.meta.url)),
    });
    const tailrace = async (...args: string[]) => {
      const env = { TAILRACE_URL: server!.url, TAILRACE_API_KEY: testKey, NODE_TLS_REJECT_UNAUTHORIZED: "0" };
      return (await runCli(args, { PATH: process.env.PATH!, ...env })).stdout;
    };
    await tailrace("apps:create", "senders");
    const { token } = JSON.parse(await tailrace("tokens:create", "-a", "senders", "app", "--json"));
    const open = async (port: number) => {
      const socket = connectTls({ host: "127.0.0.1", port, rejectUnauthorized: false });
      let answers = "";
      socket.on("data", (data) => (answers += data));
      await once(socket, "secureConnect");
      return { socket, shown: socket.getPeerCertificate().fingerprint256, answers: () => answers };
    };
    const frame = (text: string) => `<190>1 - box ${token} web.1 - - ${text}`;
    const opening = "1 open 14 relp_version=0\n";
    const inRelp = (number: number, text: string) =>
      `${number} syslog ${Buffer.byteLength(frame(text))} ${frame(text)}\n`;
    const [oldTls, oldRelp] = [await open(tls), await open(relp)];
    expect(oldTls.shown).toBe(oldRelp.shown);
    oldTls.socket.write(`${frame("over TLS, before")}\n`);
    oldRelp.socket.write(opening + inRelp(2, "by RELP, before"));
    await until(() => oldRelp.answers().includes("2 rsp 6 200 OK\n"));

    await put(selfSignedTls);
    await hangUp("files of the settings were read again");
    const [newTls, newRelp] = [await open(tls), await open(relp)];
    expect(newTls.shown).not.toBe(oldTls.shown);
    expect(newRelp.shown).toBe(newTls.shown);
    oldTls.socket.write(`${frame("over the old TLS")}\n`);
    newTls.socket.write(`${frame("over the new TLS")}\n`);
    oldRelp.socket.write(inRelp(3, "by the old RELP"));
    newRelp.socket.write(opening + inRelp(2, "by the new RELP"));
    await until(
      () => oldRelp.answers().includes("3 rsp 6 200 OK\n") && newRelp.answers().includes("2 rsp 6 200 OK\n"),
    );
    const wanted = [
      "over TLS, before",
      "by RELP, before",
      "over the old TLS",
      "over the new TLS",
      "by the old RELP",
      "by the new RELP",
    ];
    await until(async () => {
      const log = await tailrace("logs", "-a", "senders");
      return wanted.every((text) => log.includes(`app[web.1]: ${text}\n`));
    });
    for (const { socket } of [oldTls, oldRelp, newTls, newRelp]) socket.destroy();
  });
});

describe("a log that nobody can take any more", () => {
  test.each([
    ["a full disk", () => ({ fd: openSync("/dev/full", "w"), closed: false })],
    ["a closed pipe", () => ({ fd: "pipe" as const, closed: true })],
  ])("(%s) ends the log and not the server", async (_, open) => {
    const folder = await mkdtemp(join(tmpdir(), "tailrace-log-"));
    const { fd, closed } = open();
    const [port] = await freePorts(1);
    const child = spawn(
      process.execPath,
      [program, "serve", "--http", `127.0.0.1:${port}`, "--syslog", "off", "--data", folder],
      { stdio: ["ignore", fd, "pipe"] },
    );
    if (typeof fd === "number") closeSync(fd);
    if (closed) child.stdout!.destroy();
    const url = `http://127.0.0.1:${port}`;
    await until(
      async () =>
        fetch(`${url}/healthz`).then(
          ({ ok }) => ok,
          () => false,
        ),
      { tell: () => `no start: ${child.exitCode}` },
    );
    for (const signal of ["SIGUSR2", "SIGHUP", "SIGUSR2"] as const) child.kill(signal);
    expect((await fetch(`${url}/healthz`)).ok).toBe(true);
    expect(await endedBy(child, "SIGTERM")).toBe(0);
    await rm(folder, { recursive: true });
  });
});

describe("npm start's own process", () => {
  test.each([
    ["SIGQUIT", "stopping"],
    ["SIGTERM", "stopping"],
    ["SIGHUP", "there are no files to read again"],
    ["SIGUSR1", "this signal asks for nothing"],
    ["SIGUSR2", "this signal asks for nothing"],
  ] as const)("hands %s on to the server", async (signal, words) => {
    const folder = await mkdtemp(join(tmpdir(), "tailrace-start-"));
    const run = fileURLToPath(new URL("../../scripts/lib/run.mjs", import.meta.url));
    const args = [program, "serve", "--http", "127.0.0.1:0", "--syslog", "off", "--data", folder];
    const code = `import { runInFront } from ${JSON.stringify(run)};
      process.exitCode = await runInFront(process.execPath, ${JSON.stringify(args)});`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", code], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
    const seen = (text: string) => until(() => output.includes(text), { tell: () => output });
    await seen('"msg":"listening"');
    child.kill(signal);
    await seen(words);
    if (words !== "stopping") child.kill("SIGTERM");
    const [status] = child.exitCode === null ? await once(child, "exit") : [child.exitCode];
    expect(status).toBe(0);
    expect(output).not.toContain("Debugger");
    await rm(folder, { recursive: true });
  });
});

async function endedBy(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  const ended = once(child, "exit");
  child.kill(signal);
  const [status] = await ended;
  return status;
}
