/** `import heroku`, from Heroku's API as it was recorded, into a real registry. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { runCli } from "../../support/cli.ts";
import { ControlServer, operatorSecret } from "../../support/control-server.ts";
import { herokuKeyOfTests, RecordedHeroku } from "../../support/recorded-heroku.ts";

let server: ControlServer;
let heroku: RecordedHeroku;
let home: string;
beforeAll(async () => {
  server = await ControlServer.open({ ingestUrl: "https://in.example.com" });
  home = mkdtempSync(join(tmpdir(), "tailrace-import-"));
});
beforeEach(async () => {
  heroku = await RecordedHeroku.open();
});
afterEach(async () => {
  expect(heroku.asked.filter(({ method }) => method !== "GET")).toEqual([]);
  heroku.close();
  await server.reset();
});
afterAll(async () => {
  await server.close();
  rmSync(home, { recursive: true });
});

const drained = "https://user:secret-of-a-drain@logs.example.com/in?x=1";
const collector = "syslog+tls://collector.example.net:6514";

const run = (args = "", variables: Record<string, string> = { HEROKU_API_KEY: herokuKeyOfTests }) =>
  runCli(["import", "heroku", "--api", heroku.url, ...args.split(" ").filter(Boolean)], {
    PATH: process.env.PATH!,
    HOME: home,
    TAILRACE_URL: server.url,
    TAILRACE_API_KEY: operatorSecret,
    ...variables,
  });
const read = async (path: string) => (await server.call("GET", path)).json;
/** All that an import makes. */
const made = async () => {
  const apps: { name: string }[] = await read("/apps");
  return Promise.all(
    apps.map(async ({ name }) => ({
      name,
      drains: (await read(`/apps/${name}/log-drains`)).map(({ url }: { url: string }) => url).sort(),
      tokens: (await read(`/v3/channels/${name}/tokens`)).map((token: { name: string }) => token.name).sort(),
      config: await read(`/apps/${name}/config-vars`),
    })),
  );
};
const tokens = ["app", "heroku", "heroku-drain"];
const all = [
  { name: "blog", drains: [], tokens, config: {} },
  { name: "firs", drains: ["https://otlp.example.com/v1/logs"], tokens, config: {} },
  { name: "shop", drains: [drained, collector], tokens, config: {} },
];

describe("import heroku", () => {
  test("makes the apps of all pages, their tokens and their own drains, and says what is left to do", async () => {
    const { status, stdout, stderr } = await run();
    expect({ status, stderr }).toMatchObject({
      status: 0,
      stderr: expect.stringContaining("Nothing was changed at Heroku."),
    });
    expect(await made()).toEqual(all);
    const [token] = (await read("/v3/channels/shop/tokens")).filter(
      ({ name }: { name: string }) => name === "heroku-drain",
    );
    expect(token).toMatchObject({ keep_source: true });
    const way = `https://token:${token.token}@in.example.com/logs`;
    const shop = stdout.slice(stdout.indexOf("shop: made here"));
    expect(shop.split("\n").map((line) => line.trim())).toEqual([
      "shop: made here",
      `drain added     ${drained}`,
      `drain added     ${collector}`,
      "add-on          papertrail-flat-12345 (papertrail:choklad), which has a drain of its own",
      "config vars     LOG_LEVEL, SESSION_SECRET (their names alone were kept)",
      `then            heroku drains:add '${way}' -a shop`,
      `heroku drains:remove '${drained}' -a shop   # else it gets each line twice`,
      `heroku drains:remove '${collector}' -a shop   # else it gets each line twice`,
      "tailrace addons:create papertrail:choklad -a shop   # where the operator has its manifest",
      expect.stringMatching(
        /^LOGS_URL='https:\/\/token:t\.[0-9a-f-]+@in\.example\.com\/logs' {3}# for tailrace run/,
      ),
      "tailrace config:set LOG_LEVEL=… SESSION_SECRET=… -a shop",
      "tailrace up -a shop   # in the app's folder",
      "DNS: www.example.com to where this server's router is reached",
      "",
    ]);
    expect(stdout).toContain(
      "not read        config vars: You do not have access to the config vars of this app.",
    );
  });

  test("carries a fir app's telemetry drains, with their headers, and leaves out what takes no logs", async () => {
    const { stdout } = await run("--app firs*");
    expect(stdout).toMatch(/^firs, of the generation fir: made here$/m);
    expect(stdout).toContain("drain left out  https://metrics.example.com:4317: It takes no logs.");
    expect(stdout).toMatch(
      /heroku telemetry:add https:\/\/in\.example\.com -a firs --signals logs --transport http --headers '\{"Authorization":"Bearer t\.[0-9a-f-]+"\}'/,
    );
    expect(await read("/apps/firs/telemetry-drains")).toMatchObject([
      { exporter: { endpoint: "https://otlp.example.com", headers: { "x-team": "secret-of-a-header" } } },
    ]);
    expect((await run("--app firs*")).stdout).toContain("drain present   https://otlp.example.com");
  });

  test("tells no value of a config var to anybody", async () => {
    for (const args of ["--dry-run", "", "--json"]) {
      const { stdout, stderr } = await run(args);
      expect(stdout + stderr).not.toContain("VALUE");
      expect(stdout).toContain("SESSION_SECRET");
    }
    expect(JSON.stringify(await made())).not.toContain("VALUE");
  });

  test("makes nothing twice", async () => {
    await run();
    await server.call("PATCH", "/apps/shop/config-vars", { LOG_LEVEL: "info" });
    const { status, stdout } = await run("--json");
    expect(status).toBe(0);
    expect(await made()).toEqual(
      all.map((app) => (app.name === "shop" ? { ...app, config: { LOG_LEVEL: "info" } } : app)),
    );
    const shop = JSON.parse(stdout).find(({ app }: { app: string }) => app === "shop");
    expect(shop).toMatchObject({
      outcome: "present",
      drains: [
        { url: drained, outcome: "present" },
        { url: collector, outcome: "present" },
      ],
      addons: [{ name: "papertrail-flat-12345", plan: "papertrail:choklad", drains: 1 }],
      config_names: ["LOG_LEVEL", "SESSION_SECRET"],
      config_missing: ["SESSION_SECRET"],
      domains: ["www.example.com"],
      unread: [],
    });
  });

  test("with --dry-run makes nothing, and says what it would make", async () => {
    const { stdout, stderr } = await run("--dry-run");
    expect(await made()).toEqual([]);
    expect(stdout).toContain("shop: would be made here");
    expect(stdout).toContain(`drain to add    ${drained}`);
    expect(stderr).toContain("Nothing was made");
    await server.call("POST", "/apps", { name: "shop" });
    expect((await run("--dry-run --app shop")).stdout).toContain("shop: is here already");
    expect(await made()).toMatchObject([{ name: "shop", drains: [], tokens: ["app", "heroku"] }]);
  });

  test("makes the apps alone that are named, and tells of one that is not there", async () => {
    expect((await run("--app shop")).status).toBe(0);
    expect((await made()).map(({ name }) => name)).toEqual(["shop"]);
    expect(heroku.asked.map(({ path }) => path)).not.toContain("/apps");
    const { status, stderr } = await run("--app nobody");
    expect({ status, stderr }).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("Couldn't find that app."),
    });
    expect((await run("--app nobody-*")).stderr).toContain("Heroku shows this key no such app.");
  });

  test("adds no drain that leads here, and goes on behind one that is refused", async () => {
    const list = [
      { url: "https://token:t.1@in.example.com/logs" },
      { url: "https://169.254.169.254/x" },
      { url: collector },
    ];
    heroku.once.push({
      path: "/apps/0a0a0a0a-0000-4000-8000-000000000001/log-drains",
      status: 200,
      headers: {},
      body: list,
    });
    const { status, stdout } = await run("--app shop --json");
    expect(status).toBe(1);
    expect(JSON.parse(stdout)[0].drains).toEqual([
      { url: list[0]!.url, outcome: "leads here" },
      { url: list[1]!.url, outcome: "refused", reason: expect.stringMatching(/\S/) },
      { url: collector, outcome: "added" },
    ]);
  });

  test("takes the key from the netrc; a key that Heroku refuses is told with its origin", async () => {
    const netrc = join(home, ".netrc");
    expect((await run("", {})).stderr).toContain("HEROKU_API_KEY is not set, and");
    writeFileSync(netrc, `machine 127.0.0.1\n  login a@example.com\n  password ${herokuKeyOfTests}\n`);
    expect((await run("--app shop", {})).status).toBe(0);
    writeFileSync(netrc, "machine api.heroku.com\n  login a\n  password b\n");
    expect((await run("", {})).stderr).toContain("names no password for 127.0.0.1");
    const { status, stderr } = await run("", { HEROKU_API_KEY: "wrong" });
    expect(status).toBe(1);
    expect(stderr).toContain("does not accept this key (from HEROKU_API_KEY): Invalid credentials provided.");
  });

  test.each([
    ["trk_0123456789", {}],
    ["an operator's own", { TAILRACE_API_KEY: "an operator's own" }],
  ])("sends no key of tailrace to Heroku (%s)", async (key, more) => {
    const { status, stderr } = await run("", { HEROKU_API_KEY: key, ...more });
    expect({ status, stderr }).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("is a key of tailrace"),
    });
    expect(heroku.asked).toEqual([]);
  });

  test("whose drains may not be read is partial; whose apps may not, fails", async () => {
    const forbidden = (path: string) =>
      heroku.once.push({ path, status: 403, headers: {}, body: { id: "forbidden", message: "No." } });
    forbidden("/apps/0a0a0a0a-0000-4000-8000-000000000001/log-drains");
    const { status, stdout } = await run("--app shop");
    expect({ status, stdout }).toMatchObject({
      status: 1,
      stdout: expect.stringContaining("not read        drains: No."),
    });
    forbidden("/apps");
    expect((await run()).stderr).toContain("Its scope has to be");
  });

  test.each([
    ["--api http://api.example.com", "the key would go over the network as it is"],
    ["--api ftp://api.example.com", "is no http address"],
    ["--api https://user:pass@api.example.com", "holds a user or a password"],
  ])("%s is wrong use", async (args, words) => {
    const { status, stderr } = await run(args);
    expect({ status, stderr }).toMatchObject({ status: 2, stderr: expect.stringContaining(words) });
  });

  test("knows no other platform", async () => {
    const { status, stderr } = await runCli(["import", "fly"], { PATH: process.env.PATH! });
    expect({ status, stderr }).toMatchObject({ status: 2, stderr: expect.stringContaining("heroku") });
  });
});
