import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { ControlServer, TestRegistry } from "../support/control-server.ts";
import { FakeClock } from "../support/fake-clock.ts";

let server: ControlServer;
beforeAll(async () => {
  server = await ControlServer.open();
});
beforeEach(async () => {
  await server.call("POST", "/apps", { name: "todo" });
});
afterEach(() => server.reset());
afterAll(() => server.close());

const path = "/oauth/authorizations";

test("a key is shown once, works, is listed without its secret, and is revoked", async () => {
  const made = await server.call("POST", path, {
    description: "for the door",
    apps: ["todo"],
    read_only: true,
  });
  expect(made.status).toBe(201);
  const { token } = made.json.access_token;
  expect(made.json).toMatchObject({
    description: "for the door",
    scope: ["read"],
    apps: [{ name: "todo" }],
    read_only: true,
    access_token: { token: expect.stringMatching(/^trk_/), expires_in: null },
    user: { email: expect.stringContaining("@") },
  });
  const asKey = () => server.call("GET", "/account", undefined, { key: token });
  expect((await asKey()).json.id).toBe(made.json.id);

  for (const url of [path, `${path}/${made.json.id}`]) {
    const { text } = await server.call("GET", url);
    expect(text).toContain("for the door");
    expect(text).not.toContain(token);
  }
  const revoked = await server.call("DELETE", `${path}/${made.json.id}`);
  expect(revoked).toMatchObject({ status: 200, json: { id: made.json.id } });
  expect(revoked.text).not.toContain(token);
  expect((await asKey()).status).toBe(401);
  expect((await server.call("DELETE", `${path}/${made.json.id}`)).status).toBe(404);
});

test("a key without apps is for all of them", async () => {
  const { json } = await server.call("POST", path, {});
  expect(json).toMatchObject({ apps: null, read_only: false, scope: ["global"], description: "" });
  const { token: key } = json.access_token;
  expect((await server.call("POST", "/apps", { name: "other" }, { key })).status).toBe(201);
  expect((await server.call("POST", path, {}, { key })).status).toBe(201);
});

test.each([
  { apps: [] },
  {
    apps: "x"
      .repeat(200)
      .split("")
      .map(() => 1)
      .concat(Array(1_000).fill(1)),
  },
  { description: "x".repeat(201) },
  { read_only: "perhaps" },
  { expires_in: 0 },
  { expires_in: "soon" },
])("%j is 422", async (body) => {
  expect(await server.call("POST", path, body)).toMatchObject({
    status: 422,
    json: { id: "invalid_params" },
  });
});

test("a key for an app that there is not is 404", async () => {
  expect(await server.call("POST", path, { apps: ["none"] })).toMatchObject({
    status: 404,
    json: { resource: "app" },
  });
});

test("a key of a destroyed app sees nothing, and not the next app of that name", async () => {
  const { json } = await server.call("POST", path, { apps: ["todo"] });
  await server.call("DELETE", "/apps/todo");
  await server.call("POST", "/apps", { name: "todo" });
  const key = json.access_token.token;
  expect((await server.call("GET", "/apps/todo", undefined, { key })).status).toBe(404);
  expect((await server.call("GET", "/apps", undefined, { key })).json).toEqual([]);
  expect((await server.call("GET", `${path}/${json.id}`)).json.apps).toEqual([]);
});

test("a key that expires says in how many seconds, and is nobody's afterwards", async () => {
  const clock = new FakeClock();
  const timed = await ControlServer.open({ registry: await TestRegistry.open({ clock }) });
  const { json } = await timed.call("POST", path, { expires_in: 3_600 });
  expect(json.access_token.expires_in).toBe(3_600);
  const asKey = () => timed.call("GET", "/account", undefined, { key: json.access_token.token });
  await clock.advance(3_000_000);
  expect((await timed.call("GET", `${path}/${json.id}`)).json.access_token.expires_in).toBe(600);
  expect((await asKey()).status).toBe(200);
  const longer = await timed.call("PATCH", `${path}/${json.id}`, { expires_in: 7_200 });
  expect(longer.json.access_token.expires_in).toBe(7_200);
  expect(
    (await timed.call("PATCH", `${path}/${json.id}`, { expires_in: null })).json.access_token.expires_in,
  ).toBeNull();
  await timed.call("PATCH", `${path}/${json.id}`, { expires_in: 10 });
  await clock.advance(10_000);
  expect((await asKey()).status).toBe(401);
  expect((await timed.call("GET", `${path}/${json.id}`)).status).toBe(404);
  expect((await timed.call("GET", path)).json).toEqual([]);
  await timed.close();
});

test.each([{ readonly: true }, { app: ["todo"] }, { scope: ["read"] }, { expires: 60 }])(
  "a key that would be able to do more than %j meant is not made, and none is changed so",
  async (body) => {
    const [field] = Object.keys(body);
    const refused = {
      status: 422,
      json: { message: expect.stringContaining(`there is no \`${field}\`; there are `) },
    };
    const { json } = await server.call("POST", path, {});
    expect(await server.call("POST", path, body)).toMatchObject(refused);
    expect(await server.call("PATCH", `${path}/${json.id}`, body)).toMatchObject(refused);
    expect((await server.call("GET", path)).json).toHaveLength(1);
  },
);

test("a key is changed in what is given, at once, and its session with it", async () => {
  await server.call("POST", "/apps", { name: "other" });
  const { json } = await server.call("POST", path, { description: "d", read_only: true });
  const { id } = json;
  const key = json.access_token.token;
  const changed = await server.call("PATCH", `${path}/${id}`, { apps: ["todo"] });
  expect(changed).toMatchObject({
    status: 200,
    json: { id, description: "d", read_only: true, apps: [{ name: "todo" }] },
  });
  expect(changed.text).not.toContain(key);
  expect((await server.call("GET", "/apps/other", undefined, { key })).status).toBe(404);
  const session = await server.call("POST", "/apps/todo/log-sessions", {}, { key });
  const sessionId = new URL(session.json.logplex_url).pathname.split("/").at(-1)!;
  expect(server.sessions.read(sessionId, { resuming: false })?.keyId).toBe(id);
  const v3 = await server.call("POST", "/v3/sessions", { channel_id: "todo" }, { key });
  expect(server.sessions.read(v3.json.url.split("/").at(-1), { resuming: false })?.keyId).toBe(id);

  const wide = await server.call("PATCH", `${path}/${id}`, { apps: null, read_only: false, description: "" });
  expect(wide.json).toMatchObject({ apps: null, read_only: false, description: "", scope: ["global"] });
  expect((await server.call("GET", "/apps/other", undefined, { key })).status).toBe(200);
  expect((await server.call("PATCH", `${path}/${id}`, { apps: [] })).status).toBe(422);
  expect((await server.call("PATCH", `${path}/01234567-89ab-4cde-8f01-23456789abcd`, {})).status).toBe(404);
});
