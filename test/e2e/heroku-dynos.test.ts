/** Heroku's own command line, unmodified, at an app that `tailrace up` runs. */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AddonProvider } from "../support/addon-provider.ts";
import { herokuEnvironment, herokuProgram } from "../support/heroku-environment.ts";
import { openPeer } from "../support/peer.ts";
import { TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";
import { UpProcess } from "../support/up-process.ts";

let server: TestServer;
let up: UpProcess;
let home: string;
let manifests: string;
let provider: AddonProvider;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "tailrace-heroku-"));
  provider = await AddonProvider.open();
  manifests = provider.manifests({ papertrail: ["syslog_drain", "PAPERTRAIL_API_TOKEN"] });
  server = await TestServer.start(["--addons", manifests]);
  up = await UpProcess.start(server, {
    Procfile: "web: exec node web.js\nworker: exec sleep 600",
    "web.js": web,
  });
});
afterAll(async () => {
  await up?.close();
  await server.destroy();
  provider.close();
  for (const folder of [home, manifests]) await rm(folder, { recursive: true, force: true });
});

const web = `require("node:http").createServer((_, response) => response.end("x")).listen(process.env.PORT)`;

/** Runs `heroku ARGS -a shop`; what it printed on both outputs, its own line breaks undone. */
function heroku(...args: string[]): Promise<{ status: number; text: string }> {
  const env = { ...herokuEnvironment(server.url, home), HEROKU_APP: "shop" };
  return new Promise((resolve) => {
    execFile(process.execPath, [herokuProgram, ...args], { env }, (error, stdout, stderr) => {
      const text = (stdout + stderr).replace(/[\s›]+/g, " ");
      resolve({ status: error === null ? 0 : Number(error.code), text });
    });
  });
}

/** Runs commands at once, as each takes a second. */
const all = (...commands: string[][]) => Promise.all(commands.map((args) => heroku(...args)));

describe("Heroku's own command line and an app that up runs", () => {
  test("shows its dynos, its formation and itself", async () => {
    const [ps, scale, type, info, wait] = await all(
      ["ps"],
      ["ps:scale"],
      ["ps:type"],
      ["apps:info"],
      ["ps:wait"],
    );
    expect(ps!.text).toMatch(/=== web \(Standard-1X\): exec node web\.js \(1\) web\.1: up .*worker\.1: up /);
    expect(scale!.text).toContain("web=1:Standard-1X worker=1:Standard-1X");
    expect(type!.text).toContain("web Standard-1X 1");
    expect(info!.text).toContain("Dynos: web: 1, worker: 1");
    expect(wait!.status).toBe(0);
  });

  test("scales, restarts and stops", async () => {
    expect((await heroku("ps:scale", "web=2:Standard-2X")).text).toContain(
      "now running web at 2:Standard-2X",
    );
    await up.logs(/^heroku\[web\.2\]: State changed from starting to up$/);
    expect((await heroku("ps:restart", "-d", "web.1")).text).toContain(
      "Restarting dyno web.1 on shop... done",
    );
    expect((await heroku("ps:restart", "worker")).text).toContain("done"); // a type where the CLI names a dyno
    await up.logs(/^heroku\[worker\.1\]: Restarting$/);
    expect((await heroku("ps:restart", "-p", "worker")).text).toContain("done");
    expect((await heroku("ps:stop", "-d", "worker.1")).text).toContain(
      "Stopping dyno worker.1 on shop... done",
    );
    await up.logs(/^heroku\[worker\.1\]: State changed from up to down$/);
    expect((await heroku("ps:restart")).text).toContain("Restarting all dynos on shop... done");
    const lines = await up.logs(/^heroku\[worker\.1\]: State changed from down to starting$/);
    expect(lines).toContain(
      "app[api]: Scaled to web@2:Standard-2X worker@1:Standard-1X by user operator@localhost",
    );
    expect((await heroku("ps:restart", "-d", "web.9")).text).toContain("Couldn't find that dyno (web.9)");
  });

  test("sets, shows and removes config vars, each a release", async () => {
    const set = await heroku("config:set", "A=1", "B=two words");
    expect(set.text).toContain("restarting shop... done, v2");
    expect(set.text).toContain("A: 1 B: two words");
    const [config, get, releases, info] = await all(
      ["config"],
      ["config:get", "B"],
      ["releases"],
      ["releases:info"],
    );
    expect(config!.text).toContain("=== shop Config Vars A: 1 B: two words");
    expect(get!.text.trim()).toBe("two words");
    expect(releases!.text).toMatch(/Current: v2 .* v2 Set A, B config vars .* v1 Deploy/);
    expect(info!.text).toContain("Set A, B config vars");
    expect((await heroku("config:unset", "A")).text).toContain("done, v3");
    expect((await up.lines()).join("\n")).not.toContain("two words");
  });

  test("runs a command detached, whose output is in the log", async () => {
    const { text } = await heroku("run:detached", "echo $B from $DYNO");
    const [dyno] = /run\.[0-9]{4}/.exec(text)!;
    const lines = await up.logs(
      new RegExp(`^heroku\\[${dyno.replace(".", "\\.")}\\]: State changed from up to complete$`),
    );
    expect(lines.join("\n")).toContain(`heroku[${dyno}]: Starting process with command`);
    await up.logs(new RegExp(`^app\\[${dyno.replace(".", "\\.")}\\]: two words from`)); // another source: in no order
    expect((await heroku("logs", "-d", dyno, "-n", "5")).text).toContain(
      `app[${dyno}]: two words from ${dyno}`,
    );
  });

  test("makes a logging add-on, whose drain gets everything, and which goes with all that is its own", async () => {
    const receiver = await openPeer();
    try {
      const config = { PAPERTRAIL_API_TOKEN: "hush-hush" };
      provider.answers = [{ status: 200, body: { id: "1", config, log_drain_url: receiver.url } }];
      const created = await heroku("addons:create", "papertrail:choklad", "--name", "logs-1");
      expect(created.text).toContain("Creating papertrail:choklad on shop...");
      expect(created.text).toContain("Created logs-1 as PAPERTRAIL_API_TOKEN");
      const [list, info, drains, services, open] = await all(
        ["addons"],
        ["addons:info", "logs-1"],
        ["drains"],
        ["addons:services"],
        ["addons:open", "logs-1", "--show-url"],
      );
      expect(list!.text).toMatch(/papertrail.*choklad/);
      expect(info!.text).toContain("papertrail:choklad");
      expect(drains!.text).toMatch(/=== Add-on Drains papertrail:choklad \(logs-1\)/);
      expect(services!.text).toContain("papertrail");
      const { id } = await server.api<{ id: string }>("GET", "/apps/shop/addons/logs-1");
      expect(open!.text.trim()).toBe(`${server.url}/addons/${id}/sso`);
      await fetch(up.url);
      await until(() => receiver.received.some(({ body }) => body.includes("heroku router - ")));
      provider.answers = [{ status: 200, body: { message: "larger" } }];
      expect((await heroku("addons:upgrade", "logs-1", "papertrail:fixa")).status).toBe(0);
      expect((await heroku("addons:destroy", "logs-1", "--confirm", "shop")).text).toContain(
        "Destroying logs-1 on shop",
      );
      const [after, config2] = await all(["drains"], ["config"]);
      expect(after!.text.trim()).toBe("");
      expect(config2!.text).not.toContain("PAPERTRAIL");
      const lines = await up.lines();
      expect(lines).toContain("app[api]: Attach PAPERTRAIL (@ref:logs-1) by user operator@localhost");
      expect(lines).toContain("app[api]: Detach PAPERTRAIL (@ref:logs-1) by user operator@localhost");
      expect(lines.join("\n")).not.toContain("hush-hush");
    } finally {
      await receiver.close();
    }
  });

  test("is told in its own form what has no meaning", async () => {
    const [run, domains, webhooks, maintenance] = await all(
      ["run", "ls"],
      ["domains"],
      ["webhooks"],
      ["maintenance:on"],
    );
    expect(run!.text).toMatch(
      /Error: A one-off dyno cannot be attached to a terminal here.*Error ID: invalid_params/,
    );
    for (const answer of [domains, webhooks, maintenance])
      expect(answer!.text).toMatch(/Error: .* (?:has no meaning on tailrace).*Error ID: invalid_params/);
  });
});
