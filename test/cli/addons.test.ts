/** `addons` and what belongs to it, at a provider that the test plays. */
import { rmSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readManifests } from "../../src/addons/manifest.ts";
import { AddonProvider } from "../support/addon-provider.ts";
import { cliEnvironment, runCli } from "../support/cli.ts";
import { ControlServer, operatorSecret } from "../support/control-server.ts";

let server: ControlServer;
let provider: AddonProvider;
beforeAll(async () => {
  provider = await AddonProvider.open();
  const folder = provider.manifests({ papertrail: ["syslog_drain", "PAPERTRAIL_TOKEN"] });
  server = await ControlServer.open({ manifests: readManifests(folder) });
  rmSync(folder, { recursive: true });
  for (const name of ["shop", "blog"]) await server.call("POST", "/apps", { name });
});
afterAll(async () => {
  await server.close();
  provider.close();
});

const run = (args: string) =>
  runCli(args.split(" "), cliEnvironment({ url: server.url, key: operatorSecret }));

test("an add-on is made, shown, listed and destroyed", async () => {
  const config = { PAPERTRAIL_TOKEN: "hush" };
  provider.answers = [
    { status: 200, body: { id: "1", config, message: "Welcome.", log_drain_url: "https://a.example.com/" } },
  ];
  expect((await run("addons")).stderr).toContain("shop has no add-ons.");
  const made = await run("addons:create papertrail:choklad -a shop --name logs-1 --config region=eu");
  expect(made).toMatchObject({
    status: 0,
    stdout: "Created logs-1 (papertrail:choklad) for shop with PAPERTRAIL_TOKEN\n",
    stderr: "Welcome.\n",
  });
  expect(provider.calls[0]!.body).toMatchObject({ plan: "choklad", options: { region: "eu" } });
  expect((await run("addons")).stdout).toMatch(
    /^shop +logs-1 +papertrail:choklad +provisioned +PAPERTRAIL_TOKEN$/m,
  );
  expect((await run("addons -a shop")).stdout).toMatch(/^logs-1 /m);
  const info = await run("addons:info logs-1");
  expect(info.stdout).toMatch(/^name +logs-1\napp +shop\nplan +papertrail:choklad\nstate +provisioned\n/);
  expect((await run("addons:info papertrail -a shop")).stdout).toBe(info.stdout);
  expect(JSON.parse((await run("addons:info logs-1 --json")).stdout).provider_id).toBe("1");
  provider.answers = [{ status: 200, body: { message: "Larger." } }];
  expect(await run("addons:upgrade papertrail fixa -a shop")).toMatchObject({
    stdout: "Changed logs-1 of shop to papertrail:fixa\n",
    stderr: "Larger.\n",
  });
  expect(provider.calls.at(-1)).toMatchObject({ method: "PUT", body: { plan: "fixa" } });
  expect((await run("addons:create papertrail -a blog --name logs-1")).stderr).toContain(
    "There is an add-on logs-1 already.",
  );
  expect((await run("addons:create papertrail -a blog --name Logs_1")).stderr).toContain(
    '"Logs_1" is no name of an add-on.',
  );
  expect(await run("addons:destroy logs-1")).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("tailrace addons:destroy logs-1 --confirm shop"),
  });
  expect((await run("addons:destroy logs-1 --confirm shop")).stdout).toBe("Destroyed logs-1 of shop\n");
  const { status, stderr } = await run("addons:info logs-1");
  expect({ status, stderr }).toEqual({
    status: 1,
    stderr: expect.stringContaining('"tailrace addons" lists'),
  });
});

test("an add-on's drain is listed with its name, and its config vars are not the owner's", async () => {
  const config = { PAPERTRAIL_TOKEN: "hush" };
  provider.answers = [{ status: 200, body: { id: "2", config, log_drain_url: "https://a.example.com/" } }];
  await server.call("POST", "/apps", { name: "mine" });
  await server.call("POST", "/apps/mine/addons", { plan: "papertrail:x", name: "logs-2" });
  expect((await run("drains -a mine")).stdout).toMatch(/ https:\/\/a\.example\.com\/ \(add-on logs-2\)$/m);
  expect((await run("drains:info https://a.example.com/ -a mine")).stdout).toMatch(/^add-on +logs-2$/m);
  for (const [change, verb] of [
    ["config:set PAPERTRAIL_TOKEN=mine", "overwrite"],
    ["config:unset PAPERTRAIL_TOKEN", "destroy"],
  ]) {
    const refused = await run(`${change} -a mine`);
    expect(refused).toMatchObject({ status: 2, stdout: "" });
    expect(refused.stderr).toContain(`Cannot ${verb} attachment values PAPERTRAIL_TOKEN.`);
  }
});

test("one that its provider makes later is said to be under way", async () => {
  provider.answers = [{ status: 202, body: { id: "3" } }];
  expect((await run("addons:create papertrail -a blog")).stderr).toContain("has 12 hours to make it ready");
  expect((await run("addons:create papertrail:x -a blog --config odd")).status).toBe(2);
});

test("services and plans are listed; what the provider refuses is told in its words", async () => {
  expect((await run("addons:services")).stdout).toMatch(/^papertrail +PAPERTRAIL$/m);
  expect((await run("addons:plans papertrail")).stdout).toBe("papertrail:default\n");
  expect((await run("addons:plans nothing")).stderr).toContain("`tailrace addons:services` lists");
  provider.answers = [{ status: 422, body: { message: "no room" } }];
  const { status, stderr } = await run("addons:create papertrail:x -a shop");
  expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining("refuses: no room.") });
});
