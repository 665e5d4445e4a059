/** Calls of Heroku's clients that have no meaning here: they are told so, in the clients' own form. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { ControlServer } from "../support/control-server.ts";

let server: ControlServer;
beforeAll(async () => {
  server = await ControlServer.open();
  await server.call("POST", "/apps", { name: "shop" });
});
afterAll(() => server.close());

test.each([
  ["PATCH", "/apps/shop", { maintenance: true }],
  ["PATCH", "/apps/shop", { name: "other" }],
  ["PATCH", "/apps/shop", { build_stack: "heroku-24" }],
  ["GET", "/apps/shop/domains", undefined],
  ["POST", "/apps/shop/builds", { source_blob: {} }],
  ["PUT", "/apps/shop/buildpack-installations", { updates: [] }],
  ["GET", "/apps/shop/features", undefined],
  ["GET", "/pipelines", undefined],
  ["GET", "/spaces/x/log-drain", undefined],
])("%s %s says that it has no meaning, and what does the same", async (method, path, body) => {
  const { status, json } = await server.call(method, path, body);
  expect(status).toBe(422);
  expect(json).toMatchObject({ id: "invalid_params", code: "NO_MEANING_HERE" });
  expect(json.message).toMatch(/ has no meaning on tailrace\. \S/);
});

test("the config vars of the release in force are those of the app; those of older ones are not kept", async () => {
  await server.call("POST", "/apps/shop/releases", { process_types: { web: "x" } });
  await server.call("PATCH", "/apps/shop/config-vars", { A: "1" });
  expect((await server.call("GET", "/apps/shop/releases/2/config-vars")).json).toEqual({ A: "1" });
  expect((await server.call("GET", "/apps/shop/releases/1/config-vars")).json.code).toBe("NO_MEANING_HERE");
});
