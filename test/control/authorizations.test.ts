import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { ControlServer } from "../support/control-server.ts";

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
