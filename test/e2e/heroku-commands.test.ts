/** Each command of Heroku's own command line does here what `heroku-commands.ts` and docs/heroku-cli.md say of it. */
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AddonProvider } from "../support/addon-provider.ts";
import { type CommandRow, callOf, rowsByCommand } from "../support/heroku-commands.ts";
import { herokuEnvironment } from "../support/heroku-environment.ts";
import type { Walked } from "../support/heroku-walk.ts";
import { TestServer } from "../support/server.ts";

const walk = fileURLToPath(new URL("../support/heroku-walk.ts", import.meta.url));
let server: TestServer;
let provider: AddonProvider;
let home: string;
let sshKey: string;
let heartbeat: NodeJS.Timeout;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "tailrace-heroku-"));
  sshKey = join(home, "key.pub");
  await writeFile(sshKey, "ssh-ed25519 AAAA test");
  provider = await AddonProvider.open();
  const manifest = provider.manifest("papertrail", ["syslog_drain"], ["PAPERTRAIL_TOKEN"]);
  await writeFile(join(home, "papertrail.json"), JSON.stringify(manifest));
  server = await TestServer.start(["--addons", home]);
  await server.createApp("shop");
  for (const web of ["node old.js", "node web.js"])
    await server.api("POST", "/apps/shop/releases", { process_types: { web, worker: "sleep 600" } });
  await server.api("PUT", "/apps/shop/runner", runner);
  // A runner that is silent for half a minute is down, and the walk may take longer.
  heartbeat = setInterval(() => server.api("PUT", "/apps/shop/runner", runner).catch(() => {}), 5_000);
});
afterAll(async () => {
  clearInterval(heartbeat);
  await server.destroy();
  provider.close();
  await rm(home, { recursive: true, force: true });
});

const at = "2026-11-28T16:00:00Z";
const dyno = (name: string, n: number) => ({
  id: `01234567-89ab-4cde-8f01-23456789abc${n}`,
  name,
  type: name.split(".")[0],
  state: "up",
  command: "node web.js",
  size: "Standard-1X",
  release: 2,
  createdAt: at,
  updatedAt: at,
});
const dynos = [dyno("web.1", 1), dyno("worker.1", 2)];
const runner = { id: "01234567-89ab-4cde-8f01-23456789abcd", host: "box", pid: 7, dynos };

/** Runs the commands one after another. */
async function run(calls: readonly (readonly string[])[]): Promise<readonly Walked[]> {
  const env = { ...herokuEnvironment(server.url, home), EDITOR: "true" };
  const child = spawn(process.execPath, [walk], { env, stdio: ["pipe", "pipe", "ignore"] });
  child.stdin.end(JSON.stringify(calls));
  return JSON.parse(await text(child.stdout));
}

const rows = rowsByCommand();
const ofKind = (kind: CommandRow["kind"]): string[] =>
  [...rows].filter(([, row]) => row?.kind === kind).map(([id]) => id);

test("each command of the manifest is in the table", () => {
  expect([...rows].filter(([, row]) => row === undefined)).toEqual([]);
  expect(rows.size).toBeGreaterThan(300);
});

test("those that work do", async () => {
  const key = await server.api<{ id: string }>("POST", "/oauth/authorizations", { description: "a key" });
  const drain = "https://example.com/in";
  const calls = [
    ...[["auth:whoami"], ["auth:token"], ["auth:2fa"], ["version:info"], ["authorizations"]],
    ...[
      ["authorizations:create", "-d", "x"],
      ["authorizations:info", key.id],
    ],
    ...[
      ["authorizations:update", key.id, "-d", "y"],
      ["authorizations:revoke", key.id],
    ],
    ...[["apps"], ["apps", "--all"], ["apps:create", "second"], ["apps:info", "-a", "second", "--json"]],
    ...[["apps:info", "-a", "shop"], ["apps:destroy", "-a", "second", "--confirm", "second"], ["access"]],
    ...[["logs"], ["logs", "-n", "5", "-s", "app", "-d", "web.1"], ["logs", "-p", "worker", "--no-color"]],
    ...[["drains:add", drain], ["drains"], ["drains", "--json"], ["drains", "--extended"]],
    ...[["drains:remove", drain], ["telemetry:add", drain, "--transport", "http"], ["telemetry"]],
    ...[["ps"], ["ps", "web"], ["ps", "--json"], ["ps:wait"], ["ps:restart"], ["ps:restart", "worker"]],
    ...[
      ["ps:restart", "web.1"],
      ["ps:restart", "-p", "web"],
      ["ps:restart", "-d", "web.1"],
    ],
    ...[["ps:scale"], ["ps:scale", "web=2", "worker=1"], ["ps:scale", "web=1:Standard-2X"]],
    ...[
      ["ps:stop", "worker"],
      ["ps:stop", "worker.1"],
      ["ps:stop", "-p", "web"],
      ["ps:stop", "-d", "web.1"],
    ],
    ...[["ps:type"], ["ps:type", "web=standard-1x"], ["run:detached", "ls"]],
    ...[["run:detached", "--size", "standard-2x", "--env", "A=1;B=2", "--", "env", "-0"]],
    ...[["config:set", "A=1", "B=two words"], ["config"], ["config", "--shell"], ["config", "--json"]],
    ...[["config:get", "B"], ["config:get", "B", "--shell"], ["config:edit"], ["config:unset", "A"]],
    ...[
      ["releases"],
      ["releases", "-n", "1", "--json"],
      ["releases:info"],
      ["releases:info", "v1", "--json"],
    ],
    ...[["releases:output"], ["maintenance"], ["maintenance:off"], ["buildpacks"]],
    ...[
      ["addons:services"],
      ["addons:plans", "papertrail"],
      ["addons:create", "papertrail:x", "--name", "logs-1"],
    ],
    ...[["addons"], ["addons", "--all"], ["addons", "--json"], ["addons:info", "logs-1"]],
    ...[["addons:upgrade", "logs-1", "papertrail:y"], ["addons:wait"], ["addons:wait", "logs-1"]],
    ["addons:open", "logs-1", "--show-url"],
    ["addons:destroy", "logs-1", "--confirm", "shop"],
  ];
  const app = (call: string[]) =>
    /^(?:auth|authorizations|apps|version|addons:(?:services|plans))/.test(call[0]!) || call.includes("--all")
      ? call
      : withApp(call);
  const walked = await run(calls.map(app));
  expect(walked.filter(({ isDone, hosts }) => !isDone || hosts.length > 0)).toEqual([]);
  const [telemetry] = await server.api<{ id: string }[]>("GET", "/apps/shop/telemetry-drains");
  const more = await run([
    ["telemetry:info", telemetry!.id],
    ["telemetry:update", telemetry!.id, "--signals", "logs"],
    ["telemetry:remove", telemetry!.id],
  ]);
  expect(more.filter(({ isDone }) => !isDone)).toEqual([]);
  const ran = new Set([...walked, ...more].map(({ argv }) => argv[0]!));
  expect(ofKind("works").filter((id) => !ran.has(id))).toEqual([]);
});

/** With `--app shop`, before what is for another program. */
const withApp = ([id, ...words]: string[]): string[] => [id!, "-a", "shop", ...words];

test("those that have no meaning say so in their form, and those of which there is none end in words", async () => {
  const refused = ofKind("no meaning");
  const none = ofKind("none here");
  await server.api("POST", "/apps/shop/addons", { plan: "papertrail:x", name: "logs-2" });
  const words: Record<string, string[]> = {
    "addons:attach": ["logs-2"],
    "addons:rename": ["logs-2", "logs-3"],
    "certs:add": [walk, walk],
    "ci:config:set": ["A=1"],
    "ci:config:unset": ["A"],
    "clients:update": ["x", "--name", "y"],
    "keys:add": [sshKey],
    run: ["ls"],
    "releases:rollback": ["v1"],
    "spaces:create": ["--space", "x", "--team", "y"],
    "spaces:destroy": ["--space", "x", "--confirm", "x"],
    ...Object.fromEntries(
      ["hosts", "info", "ps", "topology", "wait", "peerings", "peerings:info", "trusted-ips"].map((one) => [
        `spaces:${one}`,
        ["x"],
      ]),
    ),
    "spaces:peerings:accept": ["pcx-1", "--space", "x"],
    "spaces:peerings:destroy": ["pcx-1", "--space", "x", "--confirm", "pcx-1"],
    "spaces:vpn:destroy": ["x", "--space", "y", "--confirm", "x"],
  };
  const walked = await run([...refused, ...none].map((id) => callOf(id, words[id])));
  const isExplained = ({ argv, said, isDone }: Walked): boolean =>
    refused.includes(argv[0]!)
      ? !isDone && /has no meaning on tailrace|no rendezvous server/.test(said)
      : !/TypeError|SyntaxError|HTTP Error|does not end|internal/.test(said);
  expect(walked.filter((one) => !isExplained(one) || one.hosts.length > 0)).toEqual([]);
}, 240_000);
