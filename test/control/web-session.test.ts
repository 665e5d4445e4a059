/** Browsers that sign in: whose requests count, which do not, and when it is over. */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { signInLimits } from "../../src/limits.ts";
import { WebSessions, webSessionMs, webSessionsPerKeyMax } from "../../src/registry/web-sessions.ts";
import { type Answer, ControlServer, operatorSecret, TestRegistry } from "../support/control-server.ts";
import { FakeClock } from "../support/fake-clock.ts";

let clock: FakeClock;
let server: ControlServer;
let address = "1.1.1.1";
beforeAll(async () => {
  clock = new FakeClock();
  server = await ControlServer.open({
    registry: await TestRegistry.open({ clock }),
    addressOf: () => address,
  });
});
afterEach(() => server.reset());
afterAll(() => server.close());

const sameOrigin = { "sec-fetch-site": "same-origin" };
const path = "/web/session";

const signIn = (key: string, headers: Record<string, string> = sameOrigin): Promise<Answer> =>
  server.call("POST", path, { key }, { key: null, headers });

async function cookieOf(key = operatorSecret): Promise<string> {
  const { headers } = await signIn(key);
  return String(headers["set-cookie"]).split(";")[0]!;
}

const by = (cookie: string, headers: Record<string, string> = sameOrigin) => ({
  key: null,
  headers: { cookie, ...headers },
});

const newKey = async (body: object = {}): Promise<{ id: string; secret: string }> => {
  const { json } = await server.call("POST", "/oauth/authorizations", body);
  return { id: json.id, secret: json.access_token.token };
};

describe("signing in", () => {
  test("sets a cookie that no script reads and no other site sends, and says nothing of the key", async () => {
    const answer = await signIn(operatorSecret);
    expect(answer.status).toBe(201);
    expect(String(answer.headers["set-cookie"])).toMatch(
      /^tailrace=[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/,
    );
    expect(answer.headers["cache-control"]).toBe("no-store");
    expect(answer.text).not.toContain(operatorSecret);
    expect(answer.json).toMatchObject({ signed_in: true, key: { operator: true, all_apps: true } });
  });

  test("over TLS the browser itself holds the cookie to this host", async () => {
    const publicUrl = "https://logs.example.com";
    const secure = await ControlServer.open({ publicUrl });
    const headers = { ...sameOrigin, host: "logs.example.com" };
    const answer = await secure.call("POST", path, { key: operatorSecret }, { key: null, headers });
    const [cookie] = String(answer.headers["set-cookie"]).split(";");
    expect(String(answer.headers["set-cookie"])).toMatch(/^__Host-tailrace=.*; Secure$/);
    const seen = await secure.call("GET", "/apps", undefined, {
      key: null,
      headers: { ...headers, cookie: cookie! },
    });
    expect(seen.status).toBe(200);
    await secure.close();
  });

  test("a wrong key is told so, ten times a minute and address; then nothing is looked at", async () => {
    address = "2.2.2.2";
    for (let tries = 0; tries < signInLimits.triesMax; tries++)
      expect((await signIn("trk_wrong")).status).toBe(401);
    const refused = await signIn("trk_wrong");
    expect(refused).toMatchObject({ status: 429, headers: { "retry-after": "60" } });
    expect(refused.json.message).toContain("Try again in 60 s");
    expect((await signIn(operatorSecret)).status).toBe(429);
    address = "3.3.3.3";
    expect((await signIn(operatorSecret)).status).toBe(201);
    address = "2.2.2.2";
    await clock.advance(signInLimits.windowMs);
    expect((await signIn(operatorSecret)).status).toBe(201);
    address = "1.1.1.1";
  });

  test("the 21st browser of a key signs the first one out", async () => {
    const { secret } = await newKey();
    const first = await cookieOf(secret);
    await clock.advance(1_000);
    const others: string[] = [];
    for (let n = 1; n < webSessionsPerKeyMax; n++) others.push(await cookieOf(secret));
    expect((await server.call("GET", "/apps", undefined, by(first))).status).toBe(200);
    others.push(await cookieOf(secret));
    for (const cookie of others)
      expect((await server.call("GET", "/apps", undefined, by(cookie))).status).toBe(200);
    expect((await server.call("GET", "/apps", undefined, by(first))).status).toBe(401);
  });
});

describe("a browser that is signed in", () => {
  test("may do what its key may", async () => {
    const cookie = await cookieOf();
    expect((await server.call("POST", "/apps", { name: "todo" }, by(cookie))).status).toBe(201);
    const { secret } = await newKey({ apps: ["todo"], read_only: true });
    const reader = await cookieOf(secret);
    expect((await server.call("GET", "/apps/todo", undefined, by(reader))).status).toBe(200);
    expect((await server.call("DELETE", "/apps/todo", undefined, by(reader))).status).toBe(403);
    expect((await server.call("GET", path, undefined, by(reader))).json.key.read_only).toBe(true);
  });

  test.each([
    ["with its key's revocation", async (_: string, id: string) => server.registry.keys.revoke(id)],
    ["with its sign-out", async (cookie: string) => server.call("DELETE", path, undefined, by(cookie))],
    ["after 12 hours", async () => clock.advance(webSessionMs)],
  ] as const)("is signed out %s", async (_name, end) => {
    const { id, secret } = await newKey();
    const cookie = await cookieOf(secret);
    expect((await server.call("GET", "/apps", undefined, by(cookie))).status).toBe(200);
    await end(cookie, id);
    expect((await server.call("GET", "/apps", undefined, by(cookie))).status).toBe(401);
    expect((await server.call("GET", path, undefined, by(cookie))).json.signed_in).toBe(false);
  });

  test("is nobody to the v3 API, and its cookie is nothing beside a key", async () => {
    const cookie = await cookieOf();
    await server.call("POST", "/apps", { name: "todo" });
    expect((await server.call("GET", "/v3/channels/todo", undefined, by(cookie))).status).toBe(401);
    const both = { key: "trk_wrong", headers: { cookie, ...sameOrigin } };
    expect((await server.call("GET", "/apps", undefined, both)).status).toBe(401);
  });

  const foreign: readonly (readonly [string, Record<string, string>, number])[] = [
    ["another site", { "sec-fetch-site": "cross-site" }, 403],
    ["another name of this site", { "sec-fetch-site": "same-site" }, 403],
    ["the address bar, as a read", { "sec-fetch-site": "none" }, 200],
    ["a page of another origin, by an old browser", { origin: "https://evil.example" }, 403],
    ["a sandboxed page", { origin: "null" }, 403],
    ["a name that leads here (DNS rebinding)", { ...sameOrigin, host: "evil.example:8601" }, 421],
    ["localhost", { ...sameOrigin, host: "localhost:8601" }, 200],
    ["an IP address", { ...sameOrigin, host: "[::1]:8601" }, 200],
  ];
  test.each(foreign)("by %s", async (_from, headers, status) => {
    const cookie = await cookieOf();
    const read = await server.call("GET", "/apps", undefined, by(cookie, headers));
    expect(read.status).toBe(status);
    const write = await server.call("POST", "/apps", {}, by(cookie, headers));
    expect(write.status).toBe(headers["sec-fetch-site"] === "none" ? 403 : status === 200 ? 201 : status);
  });

  test("by an old browser without Sec-Fetch-Site writes from the page's own origin alone", async () => {
    const cookie = await cookieOf();
    const host = new URL(server.url).host;
    const write = (headers: Record<string, string>) => server.call("POST", "/apps", {}, by(cookie, headers));
    expect((await write({})).status).toBe(403);
    expect((await write({ origin: `http://${host}` })).status).toBe(201);
  });

  test("nobody is signed in, out or told of from another site", async () => {
    const cookie = await cookieOf();
    for (const [method, body] of [["GET"], ["POST", { key: operatorSecret }], ["DELETE"]] as const)
      expect(
        (await server.call(method, path, body, by(cookie, { "sec-fetch-site": "cross-site" }))).status,
      ).toBe(403);
  });
});

test("a server has so many browsers signed in and no more, and those that expire make room", async () => {
  const { store, keys } = server.registry;
  const sessions = new WebSessions({ store, clock, keys, sessionsMax: 3 });
  await clock.advance(webSessionMs); // those of other tests are over
  const secrets: string[] = [];
  for (let n = 0; n < 4; n++) secrets.push((await newKey()).secret);
  for (const secret of secrets.slice(0, 3)) await sessions.open(secret);
  await expect(sessions.open(secrets[3]!)).rejects.toMatchObject({ code: "WEB_SESSIONS_FULL", status: 503 });
  await clock.advance(webSessionMs);
  expect(await sessions.open(secrets[3]!)).toBeDefined();
  await sessions.stop();
});

test("browsers that sign in at the same time share a reading of all sessions, and keep to the bounds", async () => {
  const clock = new FakeClock();
  const registry = await TestRegistry.open({ clock });
  const { store, keys } = registry;
  const sessions = new WebSessions({ store, clock, keys, sessionsMax: 30 });
  const key = (await keys.create({ apps: "all", readOnly: true, description: "" })).secret;
  const other = (await keys.create({ apps: "all", readOnly: true, description: "" })).secret;
  await sessions.open(key);
  const listed = vi.spyOn(store, "list");
  await Promise.all(Array.from({ length: 40 }, () => sessions.open(key)));
  expect(listed.mock.calls.length).toBeLessThanOrEqual(2);
  const opened = await Promise.allSettled(Array.from({ length: 20 }, () => sessions.open(other)));
  const refused = opened.flatMap((one) => (one.status === "rejected" ? [one.reason.code] : []));
  expect(refused).toEqual(Array(10).fill("WEB_SESSIONS_FULL"));
  let kept = 0;
  for await (const _ of store.list("web-session/")) kept++;
  expect(kept).toBe(30);
  await sessions.stop();
  await registry.close();
});
