import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { shuttleFrame } from "../support/frames.ts";
import { LedgerReceiver, sendNumbered } from "../support/ledger.ts";
import { readOtlp } from "../support/otlp-receiver.ts";
import { openPeer } from "../support/peer.ts";
import { TestServer, testKey } from "../support/server.ts";
import { until } from "../support/until.ts";

const program = fileURLToPath(new URL("../heroku/node_modules/heroku/bin/run.js", import.meta.url));

let server: TestServer;
let receiver: LedgerReceiver;
let home: string;
let tokens: Record<string, string>;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "tailrace-heroku-"));
  server = await TestServer.start();
  receiver = await LedgerReceiver.open();
  ({ tokens } = await server.createApp("shop"));
}, 30_000);

afterAll(async () => {
  await server.destroy();
  await receiver.close();
  await rm(home, { recursive: true, force: true });
});

const environment = () => ({
  PATH: process.env.PATH,
  HOME: home,
  HEROKU_HOST: server.url,
  HEROKU_PARTICLEBOARD_URL: server.url,
  HEROKU_API_KEY: testKey,
  DISABLE_TELEMETRY: "true",
  HEROKU_SKIP_NEW_VERSION_CHECK: "true",
  NO_COLOR: "1",
});

/** Runs Heroku's command line as a user would; its output and status. */
function heroku(...args: string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...args], { env: environment() }, (error, stdout, stderr) => {
      resolve({ status: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

async function send(message: string, options: Parameters<typeof shuttleFrame>[1] = {}): Promise<void> {
  const response = await fetch(`${server.url}/logs`, {
    method: "POST",
    headers: {
      authorization: `Basic ${Buffer.from(`token:${tokens.app}`).toString("base64")}`,
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
  }, 60_000);

  test("shows the last lines, filtered too", async () => {
    for (const n of [1, 2, 3]) await send(`hello ${n}`, { process: `web.${n}` });
    const all = await heroku("logs", "-a", "shop", "-n", "2");
    expect(all.status).toBe(0);
    expect(all.stdout).toContain("app[web.3]: hello 3");
    expect(all.stdout).not.toContain("hello 1");
    expect((await heroku("logs", "-a", "shop", "-d", "web.1")).stdout).toContain("app[web.1]: hello 1");
    expect((await heroku("logs", "-a", "shop", "-s", "heroku")).stdout).not.toContain("hello");
  }, 60_000);

  test("follows the log over a restart of the server", async () => {
    const child = spawn(process.execPath, [program, "logs", "-a", "shop", "--tail", "-n", "1"], {
      env: environment(),
      stdio: ["ignore", "pipe", "inherit"],
    });
    let seen = "";
    child.stdout.on("data", (chunk) => {
      seen += chunk;
    });
    const shown = (text: string) => until(() => seen.includes(text), { tell: () => seen, msMax: 30_000 });
    await shown("hello 3");
    await send("live one");
    await shown("live one");
    await server.kill("SIGTERM");
    await server.start();
    await send("after the restart");
    await shown("after the restart");
    expect(seen.match(/live one/g)).toHaveLength(1);
    child.kill();
    await once(child, "exit");
  }, 60_000);

  test("adds, lists and removes a drain, which gets the lines", async () => {
    const added = await heroku("drains:add", receiver.url, "-a", "shop");
    expect(added).toMatchObject({ status: 0 });
    expect(added.stdout).toContain(`Successfully added drain ${receiver.url}`);
    await sendNumbered({ url: () => server.url, token: tokens.app!, sender: 0, count: 5, linesEach: 5 });
    await until(() => receiver.sightings.distinct === 5, {
      tell: () => `${receiver.sightings.distinct} of 5`,
      msMax: 30_000,
    });
    const list = (await heroku("drains", "-a", "shop")).stdout;
    expect(list).toMatch(/=== Drains/);
    expect(list).toMatch(new RegExp(`${receiver.url} \\(d\\.[0-9a-f-]{36}\\)`));
    expect((await heroku("drains:add", receiver.url, "-a", "shop")).status).not.toBe(0);
    expect((await heroku("drains:remove", receiver.url, "-a", "shop")).stdout).toContain(
      `Successfully removed drain ${receiver.url}`,
    );
    expect((await heroku("drains", "-a", "shop")).stdout).toBe("");
  }, 60_000);

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
  }, 60_000);

  test("shows what an unknown app is", async () => {
    const answer = await heroku("logs", "-a", "nobody");
    expect(answer.status).not.toBe(0);
    expect(answer.stderr).toContain("Error ID: not_found");
  });
});
