/** What the provider of an add-on may do over the API: OAuth by the code of its provision request, and single sign-on. */
import { hash } from "node:crypto";
import { rmSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { accessSeconds, accessTokensMax, grantSeconds } from "../../src/addons/grants.ts";
import { readManifests } from "../../src/addons/manifest.ts";
import { signOnPage } from "../../src/control/addons/sign-on-page.ts";
import { AddonProvider } from "../support/addon-provider.ts";
import { ControlServer, operatorSecret, TestRegistry } from "../support/control-server.ts";
import { FakeClock } from "../support/fake-clock.ts";

const clock = new FakeClock();
let provider: AddonProvider;
let server: ControlServer;
let folder: string;
beforeAll(async () => {
  provider = await AddonProvider.open();
  folder = provider.manifests({
    papertrail: ["syslog_drain", "PAPERTRAIL_TOKEN"],
    other: ["syslog_drain", "OTHER_TOKEN"],
  });
  server = await ControlServer.open({
    registry: await TestRegistry.open({ clock }),
    manifests: readManifests(folder),
  });
});
let addon: { id: string; name: string };
let foreign: { id: string; name: string };
let code: string;
beforeEach(async () => {
  await server.reset();
  await server.call("POST", "/apps", { name: "shop" });
  provider.calls.length = 0;
  const config = { PAPERTRAIL_TOKEN: "hush" };
  provider.answers = [{ status: 200, body: { id: "42", config, log_drain_url: "https://a.example.com/" } }];
  addon = (await server.call("POST", "/apps/shop/addons", { plan: "papertrail:x" })).json;
  code = provider.calls[0]!.body.oauth_grant.code;
  foreign = (await server.call("POST", "/apps/shop/addons", { plan: "other:x" })).json;
});
afterAll(async () => {
  await server.close();
  provider.close();
  rmSync(folder, { recursive: true });
});

const ask = (fields: Record<string, string>, form = true) =>
  server.call("POST", "/oauth/token", form ? new URLSearchParams(fields).toString() : fields, {
    key: null,
    headers: form ? { "content-type": "application/x-www-form-urlencoded" } : {},
  });
const exchange = (given = code, client_secret = "pass-word") =>
  ask({ grant_type: "authorization_code", code: given, client_secret });
const renew = (refresh_token: string, client_secret = "pass-word") =>
  ask({ grant_type: "refresh_token", refresh_token, client_secret });
const as = (token: string, method: string, path: string, body?: unknown) =>
  server.call(method, path, body, { key: token });

/** The cookie of a browser that signs in with this key. */
async function cookieOf(key = operatorSecret): Promise<string> {
  const headers = { "sec-fetch-site": "same-origin" };
  const answer = await server.call("POST", "/web/session", { key }, { key: null, headers });
  return String(answer.headers["set-cookie"]).split(";")[0]!;
}
/** A browser's own way to an address, as somebody opens it. */
const browse = (path: string, cookie: string, more: Record<string, string> = {}) =>
  server.call("GET", path, undefined, {
    key: null,
    headers: { accept: "text/html,*/*;q=0.8", "sec-fetch-site": "none", cookie, ...more },
  });
const fieldsOf = (html: string): Record<string, string> =>
  Object.fromEntries(
    [...html.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)].map(([, name, value]) => [
      name,
      value,
    ]),
  );

describe("the code of a provision request", () => {
  test("is exchanged once, as a form or as JSON, for tokens of that add-on", async () => {
    expect(provider.calls[0]!.body.oauth_grant).toEqual({
      code: expect.stringMatching(/^trg_/),
      type: "authorization_code",
      expires_at: new Date(clock.nowMs() + grantSeconds * 1000).toISOString().replace(/\.\d+/, ""),
    });
    const { status, json, headers } = await exchange();
    expect({ status, json, cache: headers["cache-control"] }).toEqual({
      status: 200,
      cache: "no-store",
      json: {
        access_token: expect.stringMatching(/^tra_/),
        token_type: "Bearer",
        expires_in: accessSeconds,
        refresh_token: expect.stringMatching(/^trr_/),
      },
    });
    expect((await exchange()).status).toBe(401);
    const { code: second } = provider.calls[1]!.body.oauth_grant;
    const asJson = { grant_type: "authorization_code", code: second, client_secret: "pass-word" };
    expect((await ask(asJson, false)).status).toBe(200);
  });

  test("of two that use it at once only one gets tokens", async () => {
    const all = await Promise.all([exchange(), exchange(), exchange()]);
    expect(all.map(({ status }) => status).sort()).toEqual([200, 401, 401]);
  });

  test("is nobody's with another secret, after its time, after its add-on, or made up", async () => {
    expect((await exchange(code, "wrong")).json).toMatchObject({ id: "unauthorized", code: "OAUTH_REFUSED" });
    expect((await exchange(code.slice(0, -1))).status).toBe(401);
    expect((await exchange(code.replace(addon.id, foreign.id))).status).toBe(401);
    expect((await ask({ grant_type: "password", client_secret: "pass-word" })).status).toBe(422);
    expect((await ask({})).status).toBe(401);
    await clock.advance(grantSeconds * 1000);
    expect((await exchange()).status).toBe(401);
  });

  test("is in no record, and neither are the tokens", async () => {
    const { json } = await exchange();
    const { id } = (await server.call("GET", "/apps/shop")).json;
    const record = JSON.stringify(await server.registry.store.get(`addons/${id}`));
    for (const secret of [code, json.access_token, json.refresh_token]) expect(record).not.toContain(secret);
    expect(record).toContain(hash("sha256", json.access_token));
  });
});

describe("an access token", () => {
  test("reads and changes its add-on, and nothing else", async () => {
    const { access_token: token } = (await exchange()).json;
    expect((await as(token, "GET", `/addons/${addon.id}`)).json).toMatchObject({ name: addon.name });
    expect((await as(token, "GET", `/addons/${addon.id}/addon-attachments`)).json).toHaveLength(1);
    expect((await as(token, "GET", `/addons/${addon.id}/config`)).json).toEqual([
      { name: "PAPERTRAIL_TOKEN", value: "hush" },
    ]);
    const config = [{ name: "PAPERTRAIL_TOKEN", value: "new" }];
    expect((await as(token, "PATCH", `/addons/${addon.id}/config`, { config })).json).toEqual(config);
    const drains = `/addons/${addon.id}/log-drains`;
    const [drain] = (await as(token, "GET", drains)).json;
    const url = "https://b.example.com/";
    expect((await as(token, "PUT", `${drains}/${drain.token}`, { url })).json).toMatchObject({ url });
    expect((await as(token, "GET", `${drains}/${drain.token}`)).json).toMatchObject({ id: drain.id, url });
    expect((await as(token, "POST", `/addons/${addon.id}/actions/provision`)).json.state).toBe("provisioned");
    for (const [method, path] of [
      ["GET", `/addons/${foreign.id}`],
      ["GET", `/addons/${foreign.id}/config`],
      ["GET", `/addons/${foreign.id}/log-drains`],
      ["PATCH", `/addons/${foreign.id}/config`],
      ["GET", "/apps/shop"],
      ["GET", "/apps/shop/config-vars"],
      ["GET", "/apps/shop/log-drains"],
      ["GET", "/addons"],
      ["GET", "/account"],
      ["POST", "/apps/shop/log-sessions"],
    ] as const)
      expect((await as(token, method, path, method === "PATCH" ? { config } : undefined)).status, path).toBe(
        401,
      );
  });

  test("ends after eight hours; its refresh token gives another, as often as it is asked", async () => {
    const { access_token: first, refresh_token: refresh } = (await exchange()).json;
    await clock.advance(accessSeconds * 1000);
    expect((await as(first, "GET", `/addons/${addon.id}`)).status).toBe(401);
    expect((await renew(refresh, "wrong")).status).toBe(401);
    expect((await renew(first)).status).toBe(401);
    const renewed = [];
    for (let n = 0; n <= accessTokensMax; n++) renewed.push((await renew(refresh)).json);
    expect(new Set(renewed.map(({ refresh_token }) => refresh_token))).toEqual(new Set([refresh]));
    const good = await Promise.all(
      renewed.map(async ({ access_token }) => (await as(access_token, "GET", `/addons/${addon.id}`)).status),
    );
    expect(good).toEqual([401, ...Array(accessTokensMax).fill(200)]); // the oldest made room
  });

  test("ends with its add-on", async () => {
    const { access_token: token, refresh_token: refresh } = (await exchange()).json;
    await server.call("DELETE", `/apps/shop/addons/${addon.id}`, {});
    expect((await as(token, "GET", `/addons/${addon.id}`)).status).toBe(401);
    expect((await renew(refresh)).status).toBe(401);
  });
});

describe("the owner's key", () => {
  test("reads what the provider reads, and changes nothing in its place", async () => {
    expect((await server.call("GET", `/addons/${addon.id}/config`)).json).toEqual([
      { name: "PAPERTRAIL_TOKEN", value: "hush" },
    ]);
    expect((await server.call("GET", `/addons/${addon.name}/log-drains`)).json).toHaveLength(1);
    expect((await server.call("PATCH", `/addons/${addon.id}/config`, { config: [] })).status).toBe(401);
    expect((await server.call("POST", `/addons/${addon.id}/actions/deprovision`)).status).toBe(401);
  });

  test("that only reads sees no value, no secret of a URL, and no way into the dashboard", async () => {
    const { json } = await server.call("POST", "/oauth/authorizations", { apps: ["shop"], read_only: true });
    const reader = json.access_token.token;
    expect((await as(reader, "GET", `/addons/${addon.id}`)).status).toBe(200);
    expect((await as(reader, "GET", `/addons/${addon.id}/config`)).status).toBe(403);
    expect((await as(reader, "GET", `/addons/${addon.id}/sso`)).status).toBe(403);
    expect((await as(reader, "GET", `/apps/shop/addons/${addon.id}/sso`)).status).toBe(403);
  });
});

describe("single sign-on", () => {
  test("is a form with tokens over the add-on, the salt, the time and the user", async () => {
    const { json } = await server.call("GET", `/addons/${addon.id}/sso`);
    const { timestamp, user_id: user, email } = json.params;
    expect(timestamp).toBe(String(Math.floor(clock.nowMs() / 1000)));
    expect(json).toEqual({
      method: "post",
      action: `${provider.url}/sso`,
      params: {
        email: "operator@localhost",
        user_id: user,
        app: "shop",
        context_app: "shop",
        timestamp,
        "nav-data": expect.any(String),
        id: "42",
        token: hash("sha1", `42:salt:${timestamp}`),
        resource_id: addon.id,
        resource_token: hash("sha1", `${addon.id}:salt:${timestamp}`),
        user_scoped_resource_token: hash("sha256", `${addon.id}:salt:${timestamp}:${user}:${email}`),
      },
    });
    expect((await server.call("GET", `/apps/shop/addons/${addon.name}/sso`)).json).toEqual(json);
    const nav = JSON.parse(Buffer.from(json.params["nav-data"], "base64").toString());
    expect(nav).toMatchObject({ addon: addon.name, appname: "shop" });
  });

  test("is a page for a browser, at the web_url of the add-on and its attachment", async () => {
    const page = new URL(`/addons/${addon.id}/sso`, server.url);
    const shown = [
      (await server.call("GET", `/addons/${addon.id}`)).json,
      (await server.call("GET", `/addons/${addon.id}/addon-attachments`)).json[0],
      (await server.call("POST", "/actions/addons/resolve", { addon: addon.name })).json[0],
      (await server.call("GET", "/apps/shop/addons")).json[0],
      (await server.call("GET", "/addon-attachments")).json[0],
    ];
    expect(shown.map(({ web_url }) => web_url)).toEqual(shown.map(() => page.href));
    const { json } = await server.call("GET", page.pathname);
    const { status, text, headers } = await browse(page.pathname, await cookieOf());
    expect({ status, type: headers["content-type"], cache: headers["cache-control"] }).toEqual({
      status: 200,
      type: "text/html; charset=utf-8",
      cache: "no-store",
    });
    expect(text).toContain(`<form method="post" action="${provider.url}/sso">`);
    expect(fieldsOf(text)).toEqual(json.params);
    const [, script] = /<script>(.*)<\/script>/.exec(text)!;
    expect(headers["content-security-policy"]).toContain(
      `script-src 'sha256-${hash("sha256", script!, "base64")}'`,
    );
  });

  test("leads a browser that is not signed in to the sign-in, and back by a path without a secret", async () => {
    for (const wanted of [addon.id, "no-such"]) {
      const { status, headers } = await browse(`/addons/${wanted}/sso`, "tailrace=over");
      expect({ status, to: headers.location }).toEqual({ status: 303, to: `/#/addons/${wanted}` });
    }
  });

  test("says in a page what is not to be had: another's add-on as one that is not, and why a key may not", async () => {
    await server.call("POST", "/apps", { name: "other-shop" });
    const keyOf = async (body: object) =>
      (await server.call("POST", "/oauth/authorizations", body)).json.access_token.token as string;
    const tenant = await cookieOf(await keyOf({ apps: ["other-shop"] }));
    const [others, none] = await Promise.all(
      [addon.id, "no-such"].map((wanted) => browse(`/addons/${wanted}/sso`, tenant)),
    );
    expect(others!.status).toBe(404);
    expect(others!.text).toContain("<h1>The dashboard cannot be opened</h1>");
    expect(others!.text.replace(addon.id, "no-such")).toBe(none!.text);
    const reader = await cookieOf(await keyOf({ apps: ["shop"], read_only: true }));
    expect((await browse(`/addons/${addon.id}/sso`, reader)).status).toBe(403);
    const foreignSite = { "sec-fetch-site": "cross-site" };
    expect((await browse(`/addons/${addon.id}/sso`, await cookieOf(), foreignSite)).status).toBe(403);
  });

  test("escapes what a page repeats", async () => {
    const name = `a"><script>alert(1)</script>`;
    const page = signOnPage(name, { method: "post", action: `https://x/?${name}`, params: { [name]: name } });
    expect(page.match(/<script>/g)).toHaveLength(1);
  });

  test("is refused where the manifest names no dashboard", async () => {
    const manifest = readManifests(folder).get("papertrail")!;
    const bare = await ControlServer.open({
      manifests: new Map([["papertrail", { ...manifest, ssoSalt: undefined }]]),
    });
    await bare.call("POST", "/apps", { name: "shop" });
    const { json } = await bare.call("POST", "/apps/shop/addons", { plan: "papertrail:x" });
    expect((await bare.call("GET", `/addons/${json.id}/sso`)).json).toMatchObject({
      code: "ADDON_HAS_NO_DASHBOARD",
    });
    await bare.close();
  });
});

test("whoever shows no provider's credentials has no list of all add-ons read", async () => {
  const reading = vi.spyOn(server.registry.store, "list");
  const paths = ["", "/config", "/log-drains", "/addon-attachments"].map(
    (part) => `/addons/${addon.id}${part}`,
  );
  for (const path of paths)
    for (const key of [null, "a-guess", `tra_${addon.id}.${addon.id}.${"x".repeat(43)}`])
      expect((await server.call("GET", path, undefined, { key })).status).toBe(401);
  expect((await as("a-guess", "POST", `/addons/${addon.id}/actions/deprovision`)).status).toBe(401);
  expect(reading).not.toHaveBeenCalled();
  reading.mockRestore();
});
