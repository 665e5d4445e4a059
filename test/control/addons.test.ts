/** Add-ons over the API, at a provider that the test plays: made whole or not at all, and removed with all that is theirs. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { addonsMax } from "../../src/addons/addons.ts";
import { readManifests } from "../../src/addons/manifest.ts";
import { AddonProvider } from "../support/addon-provider.ts";
import { ControlServer, TestRegistry } from "../support/control-server.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { until } from "../support/until.ts";

const clock = new FakeClock();
let provider: AddonProvider;
let server: ControlServer;
let folder: string;
beforeAll(async () => {
  provider = await AddonProvider.open();
  folder = mkdtempSync(join(tmpdir(), "tailrace-addons-"));
  mkdirSync(join(folder, "papertrail"));
  const logs = provider.manifest("papertrail", ["syslog_drain"], ["PAPERTRAIL_API_TOKEN"]);
  writeFileSync(join(folder, "papertrail", "addon-manifest.json"), JSON.stringify(logs));
  writeFileSync(
    join(folder, "redis.json"),
    JSON.stringify(provider.manifest("redis", ["log_input"], ["REDIS_URL"])),
  );
  server = await ControlServer.open({
    registry: await TestRegistry.open({ clock }),
    manifests: readManifests(folder),
    ingestUrl: "https://logs.example.com",
  });
});
beforeEach(async () => {
  await server.call("POST", "/apps", { name: "shop" });
  provider.calls.length = 0;
  provider.answers = [];
});
afterEach(() => server.reset());
afterAll(async () => {
  await server.close();
  provider.close();
  rmSync(folder, { recursive: true });
});

const other = "11111111-2222-4333-8444-555555555555";
const call = async (method: string, path: string, body?: unknown, key?: string) => {
  const answer = await server.call(method, path, body, key === undefined ? {} : { key });
  return { ...answer.json, list: answer.json, status: answer.status };
};
const create = (plan = "papertrail:choklad", more: object = {}) =>
  call("POST", "/apps/shop/addons", { plan: { name: plan }, attachment: {}, ...more });
const made = (more: object = {}) => ({
  status: 200,
  body: { id: "provider-1", message: "welcome", config: { PAPERTRAIL_API_TOKEN: "secret-token" }, ...more },
});
const asProvider = (method: string, path: string, body?: unknown, password = "pass-word") =>
  server.call(method, path, body, {
    key: null,
    headers: { authorization: `Basic ${Buffer.from(`papertrail:${password}`).toString("base64")}` },
  });

/** All that an add-on could leave in the app. */
async function leftovers() {
  const { id } = await call("GET", "/apps/shop");
  const [addons, drains, config, tokens] = await Promise.all([
    call("GET", "/apps/shop/addons"),
    call("GET", "/apps/shop/log-drains"),
    call("GET", "/apps/shop/config-vars"),
    call("GET", `/v3/channels/${id}/tokens`),
  ]);
  const claims = await server.registry.store.get<{ claims: unknown[] }>(`channel-drain/${id}`);
  return {
    addons: addons.list,
    drains: drains.list,
    config: config.list,
    tokens: tokens.list.map(({ name }: { name: string }) => name).sort(),
    claims: claims?.value.claims ?? [],
  };
}
const nothing = { addons: [], drains: [], config: {}, tokens: ["app", "heroku"], claims: [] };

describe("an add-on that requires a drain", () => {
  test("is made at its provider, with a drain that it owns and its config vars", async () => {
    provider.answers = [made({ log_drain_url: "https://logs.example.com:4433/" })];
    const addon = await create();
    expect(addon).toMatchObject({
      status: 201,
      state: "provisioned",
      addon_service: { name: "papertrail" },
      plan: { name: "papertrail:choklad", price: { cents: 0 } },
      config_vars: ["PAPERTRAIL_API_TOKEN"],
      provision_message: "welcome",
      provider_id: "provider-1",
    });
    const [asked] = provider.calls;
    expect(asked).toMatchObject({
      method: "POST",
      path: "/heroku/resources",
      headers: {
        accept: "application/vnd.heroku-addons+json; version=3",
        authorization: `Basic ${Buffer.from("papertrail:pass-word").toString("base64")}`,
      },
      body: {
        uuid: addon.id,
        name: addon.name,
        plan: "choklad",
        callback_url: `${server.url}/addons/${addon.id}`,
      },
    });
    const [drain] = (await call("GET", "/apps/shop/log-drains")).list;
    expect(drain).toMatchObject({
      url: "https://logs.example.com:4433/",
      token: asked!.body.log_drain_token,
      addon: { id: addon.id, name: addon.name },
    });
    expect((await call("GET", "/apps/shop/config-vars")).list).toEqual({
      PAPERTRAIL_API_TOKEN: "secret-token",
    });
    expect((await call("GET", `/apps/shop/addons/${addon.name}`)).plan.name).toBe("papertrail:choklad");
    const removed = await call("DELETE", `/apps/shop/log-drains/${drain.id}`);
    expect(removed).toMatchObject({ status: 422, code: "ADDON_OWNS_DRAIN" });
    const moved = await call("PATCH", `/apps/shop/log-drains/${drain.id}`, {
      url: "https://mine.example.com/",
    });
    expect(moved).toMatchObject({ status: 422, code: "ADDON_OWNS_DRAIN" });
    const { number } = (await server.registry.drains.find(drain.id))!;
    for (const method of ["PUT", "DELETE"])
      expect(
        await call(method, `/v3/channels/shop/drains/${number}`, { url: "https://mine.example.com/" }),
      ).toMatchObject({ status: 422 });
    expect((await call("GET", "/apps/shop/log-drains")).list).toEqual([drain]);
  });

  test.each([
    ["set", { PAPERTRAIL_API_TOKEN: "mine" }, "Cannot overwrite attachment values PAPERTRAIL_API_TOKEN."],
    [
      "set beside others",
      { A: "1", PAPERTRAIL_API_TOKEN: "" },
      "Cannot overwrite attachment values PAPERTRAIL_API_TOKEN.",
    ],
    ["unset", { PAPERTRAIL_API_TOKEN: null }, "Cannot destroy attachment values PAPERTRAIL_API_TOKEN."],
  ])("has config vars that the app's owner cannot have %s", async (_, changes, message) => {
    provider.answers = [made()];
    const { id } = await create();
    const refused = await call("PATCH", "/apps/shop/config-vars", changes);
    expect(refused).toMatchObject({ status: 422, code: "ADDON_OWNS_CONFIG" });
    expect(refused.message).toContain(message);
    const kept = { PAPERTRAIL_API_TOKEN: "secret-token" };
    expect((await call("GET", "/apps/shop/config-vars")).list).toEqual(kept);
    const same = await call("PATCH", "/apps/shop/config-vars", { ...kept, B: "2" });
    expect(same.list).toEqual({ ...kept, B: "2" });
    await call("DELETE", `/apps/shop/addons/${id}`);
    const own = await call("PATCH", "/apps/shop/config-vars", { PAPERTRAIL_API_TOKEN: "mine" });
    expect(own.list).toEqual({ PAPERTRAIL_API_TOKEN: "mine", B: "2" });
    await call("PATCH", "/apps/shop/config-vars", { PAPERTRAIL_API_TOKEN: null, B: null });
  });

  test("that is not there is told as an add-on", async () => {
    const missing = await call("GET", "/apps/shop/addons/nothing");
    expect(missing).toMatchObject({ status: 404 });
    expect(missing.message).toContain('There is no add-on "nothing" here');
  });

  test("is destroyed with all that was its own", async () => {
    provider.answers = [made({ log_drain_url: "https://logs.example.com:4433/" })];
    const { id, name } = await create();
    const [resolved] = (await call("POST", "/actions/addons/resolve", { addon: name, app: "shop" })).list;
    expect(resolved.id).toBe(id);
    expect(await call("DELETE", `/apps/shop/addons/${id}`, { force: false })).toMatchObject({
      state: "deprovisioned",
    });
    expect(provider.calls.at(-1)).toMatchObject({ method: "DELETE", path: `/heroku/resources/${id}` });
    expect(await leftovers()).toEqual(nothing);
  });

  test("goes with its app, whether its provider answers or not", async () => {
    for (const answer of [{ status: 204 }, { status: 422 }]) {
      provider.answers = [made({ log_drain_url: "https://logs.example.com:4433/" })];
      const { id } = await create();
      provider.answers = [answer];
      await call("DELETE", "/apps/shop");
      expect(provider.calls.at(-1)).toMatchObject({ method: "DELETE", path: `/heroku/resources/${id}` });
      for await (const record of server.registry.store.list("addons/"))
        throw new Error(`${record.key} is left`);
      await server.call("POST", "/apps", { name: "shop" });
    }
  });

  test("changes its plan at the provider", async () => {
    provider.answers = [made()];
    const { id } = await create();
    provider.answers = [
      { status: 200, body: { message: "larger", config: { PAPERTRAIL_API_TOKEN: "other" } } },
    ];
    const changed = await call("PATCH", `/apps/shop/addons/${id}`, { plan: { name: "papertrail:fixa" } });
    expect(changed).toMatchObject({ plan: { name: "papertrail:fixa" }, provision_message: "larger" });
    expect(provider.calls.at(-1)).toMatchObject({ method: "PUT", body: { plan: "fixa" } });
    expect((await call("GET", "/apps/shop/config-vars")).list).toEqual({ PAPERTRAIL_API_TOKEN: "other" });
    provider.answers = [{ status: 422, body: { message: "no such plan" } }];
    expect(await call("PATCH", `/apps/shop/addons/${id}`, { plan: "papertrail:none" })).toMatchObject({
      status: 422,
      message: expect.stringContaining("refuses: no such plan."),
    });
    expect((await call("GET", `/addons/${id}`)).plan.name).toBe("papertrail:fixa");
    provider.answers = [{ status: 200 }];
    const silent = await call("PATCH", `/apps/shop/addons/${id}`, { plan: "papertrail:jordgubbe" });
    expect(silent.plan.name).toBe("papertrail:jordgubbe");
  });

  test("has a name of 200 characters at most, with its service, when it is made and when it changes", async () => {
    const long = `papertrail:${"x".repeat(100_000)}`;
    provider.answers = [made(), { status: 200, body: {} }];
    const { id, plan } = await create(long);
    expect(plan.name).toHaveLength(200);
    const changed = await call("PATCH", `/apps/shop/addons/${id}`, { plan: `${long}y` });
    expect({ status: changed.status, length: changed.plan.name.length }).toEqual({
      status: 200,
      length: 200,
    });
  });

  test("that is ready later says so itself, with its config and its drain", async () => {
    provider.answers = [{ status: 202, body: { id: "later", message: "in a minute" } }];
    const { id, state } = await create();
    expect(state).toBe("provisioning");
    const config = [{ name: "PAPERTRAIL_API_TOKEN", value: "later" }];
    expect((await asProvider("PATCH", `/addons/${id}/config`, { config })).status).toBe(200);
    const url = "https://late.example.com/";
    const drain = provider.calls[0]!.body.log_drain_token;
    expect((await asProvider("PUT", `/addons/${id}/log-drains/other`, { url })).status).toBe(404);
    expect((await asProvider("PUT", `/addons/${id}/log-drains/${drain}`, { url })).json).toMatchObject({
      token: drain,
      url,
      addon: { id, app: { name: "shop" } },
    });
    expect((await asProvider("POST", `/addons/${id}/actions/provision`)).json).toMatchObject({
      id,
      state: "provisioned",
    });
    expect((await call("GET", `/addons/${id}`)).state).toBe("provisioned");
    expect((await asProvider("POST", `/addons/${id}/actions/provision`)).status).toBe(200); // said again
    const { id: app } = await call("GET", "/apps/shop");
    const { batches } = await server.registry.log.recent(app, 100);
    const lines = batches.map(({ bytes }) => bytes.toString()).join("");
    expect(lines.match(/completed provisioning/g)).toHaveLength(1);
    expect((await call("GET", "/apps/shop/log-drains")).list).toMatchObject([{ url }]);
    expect((await call("GET", "/apps/shop/config-vars")).list).toEqual({ PAPERTRAIL_API_TOKEN: "later" });
  });

  test("that its provider takes back is gone", async () => {
    provider.answers = [{ status: 202, body: { id: "later" } }];
    const { id } = await create();
    expect((await asProvider("POST", `/addons/${id}/actions/deprovision`)).json.state).toBe("deprovisioned");
    expect(await leftovers()).toEqual(nothing);
  });
});

describe("an add-on that writes logs", () => {
  test("gets an address to write to as its own source, which goes with it", async () => {
    provider.answers = [{ status: 201, body: { id: "r1", config: { REDIS_URL: "redis://x" } } }];
    const { id } = await create("redis");
    const { log_input_url: address } = provider.calls[0]!.body;
    expect(address).toMatch(/^https:\/\/token:t\.[0-9a-f-]{36}@logs\.example\.com\/logs$/);
    const token = new URL(address).password;
    const { id: channel } = await call("GET", "/apps/shop");
    expect(await call("DELETE", `/v3/channels/${channel}/tokens/${token}`)).toMatchObject({ status: 422 });
    await call("PUT", `/v3/channels/${channel}`, { tokens: ["app", "heroku"] });
    expect(await server.registry.tokens.find(token)).toMatchObject({ source: "redis" });
    await call("DELETE", `/apps/shop/addons/${id}`, {});
    expect(await server.registry.tokens.find(token)).toBeUndefined();
    expect(await leftovers()).toEqual(nothing);
  });
});

describe("a provider that fails leaves nothing half made:", () => {
  test.each([
    ["refuses", [{ status: 422, body: { message: "no room" } }], 422, "refuses: no room."],
    ["answers a config var of another's", [made({ config: { PATH: "/evil" } })], 503, "var PATH is not in"],
    ["answers no text", [made({ config: { PAPERTRAIL_API_TOKEN: { a: 1 } } })], 503, "API_TOKEN is no text"],
    ["answers a list of config vars", [made({ config: [] })], 503, "its `config` is no object"],
    [
      "names a drain inside",
      [made({ log_drain_url: "https://169.254.169.254/" })],
      503,
      "its log_drain_url: ",
    ],
    [
      "names a drain of another kind",
      [made({ log_drain_url: "file:///etc/passwd" })],
      503,
      "its log_drain_url: ",
    ],
    ["redirects", [{ status: 302 }], 503, "it answered 302: check the manifest's base_url"],
    ["is not at its address", [{ status: 404 }], 503, "it answered 404: check the manifest's base_url"],
    ["does not know us", [{ status: 401 }], 503, "check the manifest's id and password"],
    ["answers a page", [{ status: 200, raw: "<html>hello" }], 503, "it answered 200 without a JSON object"],
    ["answers a list", [{ status: 200, body: [] }], 503, "it answered 200 without a JSON object"],
    ["answers nothing", [{ status: 201 }], 503, "it names no `id`"],
    ["answers too much", [made({ message: "x".repeat(70_000) })], 503, "its answer is longer than 64 KiB"],
    [
      "sends interim answers without end",
      [{ status: 200, interim: 11 }],
      503,
      "more than 10 interim answers",
    ],
    ["speaks no HTTP", Array(3).fill({ wire: "SSH-2.0-OpenSSH_9.9\r\n" }), 503, "its answer is no HTTP"],
    ["breaks off", Array(3).fill({ status: 201, raw: '{"id":"1', isCut: true }), 503, "its answer broke off"],
    ["fails three times", [{ status: 500 }, "reset", { status: 503 }], 503, "it answered 503"],
  ] as const)("it %s", async (_, answers, status, said) => {
    provider.answers = [...answers];
    const asked = create();
    let isDone = false;
    void asked.finally(() => (isDone = true));
    await until(() => isDone, { clock });
    expect(await asked).toMatchObject({ status, message: expect.stringContaining(said) });
    expect(provider.calls).toHaveLength(answers.length + 1);
    expect(await leftovers()).toEqual(nothing);
    const { uuid } = provider.calls[0]!.body;
    expect(provider.calls.at(-1)).toMatchObject({ method: "DELETE", path: `/heroku/resources/${uuid}` });
  });

  test("what it was sent in confidence is not in the messages of it that others see", async () => {
    const { usual } = provider;
    provider.usual = (call) => {
      if (call.method === "DELETE") return usual(call);
      const { oauth_grant: grant, log_drain_token: drain } = call.body;
      const said = [call.headers.authorization!, "pass-word", "salt", grant.code, drain];
      return { status: 422, body: { message: `no \x1b[31m${said.join(" ")}` } };
    };
    const refused = await create();
    provider.usual = usual;
    expect(refused.message).toContain("refuses: no [31mBasic … … … … ….");
    provider.answers = [
      { status: 200, interim: 10, body: { id: "1", message: "pass-word is papertrail's" } },
    ];
    expect(await create()).toMatchObject({ status: 201, provision_message: "… is papertrail's" });
  });

  test("a try that fails is repeated under the same uuid", async () => {
    provider.answers = [{ status: 500 }, "reset", made()];
    const asked = create();
    let isDone = false;
    void asked.finally(() => (isDone = true));
    await until(() => isDone, { clock });
    expect((await asked).status).toBe(201);
    expect(new Set(provider.calls.map(({ body }) => body.uuid)).size).toBe(1);
    expect(provider.calls).toHaveLength(3);
  });

  test("an add-on is not destroyed while its provider refuses, unless it is forced", async () => {
    provider.answers = [made()];
    const { id } = await create();
    provider.answers = [{ status: 409, body: { message: "not now" } }];
    const kept = await call("DELETE", `/apps/shop/addons/${id}`, {});
    expect(kept).toMatchObject({ status: 422, code: "ADDON_NOT_DESTROYED" });
    expect(kept.message).toContain("refuses: not now. Try again later, or add --force");
    expect(server.providerFailures.at(-1)).toMatchObject({ service: "papertrail", method: "DELETE" });
    expect((await call("GET", `/addons/${id}`)).status).toBe(200);
    provider.answers = [{ status: 409 }];
    expect((await call("DELETE", `/apps/shop/addons/${id}`, { force: true })).state).toBe("deprovisioned");
    expect(await leftovers()).toEqual(nothing);
  });

  test("a crash before the answer is undone at the next start, and an app's that is gone", async () => {
    provider.answers = [made()];
    const { id } = await create();
    const app = await call("GET", "/apps/shop");
    const key = `addons/${app.id}`;
    const { value, revision } = (await server.registry.store.get<{ addons: object[] }>(key))!;
    const [addon] = value.addons;
    await server.registry.store.put(key, { addons: [{ ...addon, state: "asked" }] }, revision);
    await server.addons.undoHalfMade(); // it may still be under way
    expect((await call("GET", "/apps/shop/addons")).list).toHaveLength(1);
    await clock.advance(61_000);
    await server.addons.undoHalfMade();
    expect(provider.calls.at(-1)).toMatchObject({ method: "DELETE", path: `/heroku/resources/${id}` });
    expect(await leftovers()).toEqual(nothing);
    await server.registry.store.put(`addons/${other}`, { addons: [addon] }, 0);
    await server.addons.undoHalfMade();
    expect(await server.registry.store.get(`addons/${other}`)).toBeUndefined();
  });

  test("a config var that the app has already is not overwritten", async () => {
    await call("PATCH", "/apps/shop/config-vars", { PAPERTRAIL_API_TOKEN: "mine" });
    provider.answers = [made()];
    expect(await create()).toMatchObject({ status: 422, code: "ADDON_CONFIG_TAKEN" });
    expect(await leftovers()).toEqual({ ...nothing, config: { PAPERTRAIL_API_TOKEN: "mine" } });
  });
});

describe("others", () => {
  test("see no add-on of an app that is not theirs, and cannot speak for its provider", async () => {
    provider.answers = [made()];
    const { id, name } = await create();
    await server.call("POST", "/apps", { name: "own" });
    const { json } = await server.call("POST", "/oauth/authorizations", { apps: ["own"] });
    const key = json.access_token.token;
    for (const path of [`/addons/${id}`, `/addons/${name}`, `/addons/${id}/addon-attachments`])
      expect((await call("GET", path, undefined, key)).status).toBe(404);
    expect((await call("POST", "/actions/addons/resolve", { addon: name }, key)).status).toBe(404);
    expect((await call("GET", "/addons", undefined, key)).list).toEqual([]);
    expect((await call("GET", "/addon-attachments", undefined, key)).list).toEqual([]);
    expect((await asProvider("POST", `/addons/${id}/actions/provision`, {}, "wrong")).status).toBe(401);
    expect((await asProvider("POST", `/addons/${name}x/actions/provision`)).status).toBe(401);
  });

  test("are told of services that there are none", async () => {
    expect((await call("GET", "/addon-services")).list).toMatchObject([
      { name: "papertrail" },
      { name: "redis" },
    ]);
    expect((await call("GET", "/addon-services/papertrail/plans")).list).toMatchObject([{ default: true }]);
    expect(await create("nope:x")).toMatchObject({ status: 404, code: "ADDON_SERVICE_UNKNOWN" });
  });
});

test("an app has twenty of them at most", async () => {
  const all = Array.from({ length: addonsMax }, (_, n) => create("papertrail", { name: `logs-${n}` }));
  expect((await Promise.all(all)).map(({ status }) => status)).toEqual(all.map(() => 201));
  expect(await create()).toMatchObject({ status: 422, code: "ADDON_LIMIT" });
  expect((await call("GET", "/apps/shop/addons")).list).toHaveLength(addonsMax);
});
