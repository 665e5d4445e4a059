import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { shuttleFrame } from "../support/frames.ts";
import { herokuEnvironment, herokuProgram } from "../support/heroku-environment.ts";
import { LedgerReceiver, sendNumbered } from "../support/ledger.ts";
import { readOtlp } from "../support/otlp-receiver.ts";
import { openPeer } from "../support/peer.ts";
import { TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";

let server: TestServer;
let receiver: LedgerReceiver;
let home: string;
let tokens: Record<string, string>;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "tailrace-heroku-"));
  server = await TestServer.start();
  receiver = await LedgerReceiver.open();
  ({ tokens } = await server.createApp("shop"));
});

afterAll(async () => {
  await server.destroy();
  await receiver.close();
  await rm(home, { recursive: true, force: true });
});

const environment = () => herokuEnvironment(server.url, home);

/** Runs Heroku's command line as a user would; its output and status. */
function heroku(...args: string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [herokuProgram, ...args], { env: environment() }, (error, stdout, stderr) => {
      resolve({ status: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

async function send(
  message: string,
  options: Parameters<typeof shuttleFrame>[1] = {},
  token = tokens.app,
): Promise<void> {
  const response = await fetch(`${server.url}/logs`, {
    method: "POST",
    headers: {
      authorization: `Basic ${Buffer.from(`token:${token}`).toString("base64")}`,
      "content-type": "application/logplex-1",
    },
    body: new Uint8Array(shuttleFrame(message, options)),
  });
  expect(response.status).toBe(204);
}

describe("Heroku's own command line, unmodified", () => {
  test("knows who asks, and shows and makes apps", async () => {
    expect((await heroku("whoami")).stdout.trim()).toContain("@");
    expect((await heroku("create", "second")).stdout + (await heroku("apps")).stdout).toContain("second");
    expect((await heroku("apps:destroy", "-a", "second", "--confirm", "second")).status).toBe(0);
    expect((await heroku("apps")).stdout).not.toContain("second");
  });

  test("shows the last lines, filtered too", async () => {
    for (const n of [1, 2, 3]) await send(`hello ${n}`, { process: `web.${n}` });
    const all = await heroku("logs", "-a", "shop", "-n", "2");
    expect(all.status).toBe(0);
    expect(all.stdout).toContain("app[web.3]: hello 3");
    expect(all.stdout).not.toContain("hello 1");
    expect((await heroku("logs", "-a", "shop", "-d", "web.1")).stdout).toContain("app[web.1]: hello 1");
    expect((await heroku("logs", "-a", "shop", "-s", "heroku")).stdout).not.toContain("hello");
  });

  test("filters by each of its options, in both of their spellings", async () => {
    await send("by a worker", { process: "worker.1" });
    const found = await Promise.all(
      [
        ["-n", "1"],
        ["--num", "1", "--process-type", "web"],
        ["-p", "worker", "--source", "app"],
        ["--dyno-name", "web.2", "--no-color"],
        ["-s", "heroku", "-p", "web"],
      ].map(async (options) => (await heroku("logs", "-a", "shop", ...options)).stdout.trim().split("\n")),
    );
    const messages = found.map((lines) => lines.map((line) => line.replace(/^\S+ /, "")));
    expect(messages).toEqual([
      ["app[worker.1]: by a worker"],
      ["app[web.3]: hello 3"],
      ["app[worker.1]: by a worker"],
      ["app[web.2]: hello 2"],
      [""],
    ]);
  });

  test("follows the log of a fir app, filtered, over the session that it asks for anew", async () => {
    const { id } = await server.api<{ id: string }>("POST", "/apps", { name: "forest", generation: "fir" });
    const { tokens: own } = await server.api<{ tokens: Record<string, string> }>("GET", `/v3/channels/${id}`);
    await send("of a worker", { process: "worker-7d4f-x2" }, own.app);
    await send("of the web", { process: "web-5c9b-q8" }, own.app);
    const child = spawn(
      process.execPath,
      [herokuProgram, "logs", "-a", "forest", "-s", "app", "-d", "web-5c9b-q8"],
      {
        env: { ...environment(), HEROKU_LOG_STREAM_TIMEOUT: "0.02" },
      },
    );
    let seen = "";
    let noted = "";
    child.stdout.on("data", (chunk) => (seen += chunk));
    child.stderr.on("data", (chunk) => (noted += chunk));
    const shown = (text: string) => until(() => seen.includes(text), { tell: () => seen + noted });
    await shown("app[web-5c9b-q8]: of the web");
    await send("live", { process: "web-5c9b-q8" }, own.app);
    await shown("app[web-5c9b-q8]: live");
    await until(() => seen.split("of the web").length > 2, { tell: () => seen }); // of the next session
    await send("later", { process: "web-5c9b-q8" }, own.app);
    await shown("app[web-5c9b-q8]: later");
    expect(seen).not.toContain("of a worker");
    expect(noted).toContain("Fetching logs...");
    child.kill();
    await once(child, "exit");
  });

  test("follows the log over a restart of the server", async () => {
    const child = spawn(process.execPath, [herokuProgram, "logs", "-a", "shop", "--tail", "-n", "1"], {
      env: environment(),
      stdio: ["ignore", "pipe", "inherit"],
    });
    let seen = "";
    child.stdout.on("data", (chunk) => {
      seen += chunk;
    });
    const shown = (text: string) => until(() => seen.includes(text), { tell: () => seen });
    await shown("by a worker");
    await send("live one");
    await shown("live one");
    child.kill("SIGSTOP"); // it gives up on a server that is away for five seconds, as one on a busy machine may be
    await server.kill("SIGTERM");
    await server.start();
    child.kill("SIGCONT");
    await send("after the restart");
    await shown("after the restart");
    expect(seen.match(/live one/g)).toHaveLength(1);
    child.kill();
    await once(child, "exit");
  });

  test("adds, lists and removes a drain, which gets the lines", async () => {
    const added = await heroku("drains:add", receiver.url, "-a", "shop");
    expect(added).toMatchObject({ status: 0 });
    expect(added.stdout).toContain(`Successfully added drain ${receiver.url}`);
    await sendNumbered({ url: () => server.url, token: tokens.app!, sender: 0, count: 5, linesEach: 5 });
    await until(() => receiver.sightings.distinct === 5, {
      tell: () => `${receiver.sightings.distinct} of 5`,
    });
    const list = (await heroku("drains", "-a", "shop")).stdout;
    expect(list).toMatch(/=== Drains/);
    expect(list).toMatch(new RegExp(`${receiver.url} \\(d\\.[0-9a-f-]{36}\\)`));
    expect((await heroku("drains:add", receiver.url, "-a", "shop")).status).not.toBe(0);
    expect((await heroku("drains:remove", receiver.url, "-a", "shop")).stdout).toContain(
      `Successfully removed drain ${receiver.url}`,
    );
    expect((await heroku("drains", "-a", "shop")).stdout).toBe("");
  });

  test("adds a telemetry drain, which gets the lines over OTLP, changes and removes it", async () => {
    const collector = await openPeer();
    try {
      const endpoint = collector.url.replace(/\/$/, "");
      const added = await heroku(
        ...["telemetry:add", endpoint, "-a", "shop", "--transport", "http", "--headers", '{"API-Key":"k"}'],
      );
      expect(added).toMatchObject({ status: 0 });
      expect(added.stdout + added.stderr).toContain(`added drain ${endpoint}`);
      await send("by telemetry");
      await collector.requests(1);
      const [request] = collector.received;
      expect(request).toMatchObject({ path: "/v1/logs", headers: { "api-key": "k" } });
      const { resourceLogs } = readOtlp(request!.body);
      expect(resourceLogs[0]!.scopeLogs[0]!.logRecords[0]!.body.stringValue).toContain("by telemetry");
      const list = (await heroku("telemetry", "-a", "shop")).stdout;
      const id = /[0-9a-f-]{36}/.exec(list)![0];
      expect((await heroku("telemetry:info", id)).stdout).toContain(endpoint);
      expect(await heroku("telemetry:update", id, "--signals", "logs")).toMatchObject({ status: 0 });
      expect(await heroku("telemetry:remove", id)).toMatchObject({ status: 0 });
      expect((await heroku("telemetry", "-a", "shop")).stdout).not.toContain(id);
      const refused = await heroku("telemetry:add", endpoint, "-a", "shop", "--transport", "grpc");
      expect(refused.status).not.toBe(0);
      expect(refused.stderr.replace(/[\s›]+/g, " ")).toContain("--transport http"); // it breaks lines
    } finally {
      await collector.close();
    }
  });

  test("shows what an unknown app is", async () => {
    const answer = await heroku("logs", "-a", "nobody");
    expect(answer.status).not.toBe(0);
    expect(answer.stderr).toContain("Error ID: not_found");
  });
});
