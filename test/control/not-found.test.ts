/** The answer about a thing that there is not repeats its name, unless that may be a secret. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { ControlServer } from "../support/control-server.ts";

let server: ControlServer;
beforeAll(async () => {
  server = await ControlServer.open();
  await server.call("POST", "/apps", { name: "todo" });
});
afterAll(() => server.close());

const url = encodeURIComponent("https://user:word@logs.example.com/");

test.each([
  ["GET", "/apps/tood", 'app "tood"'],
  ["GET", "/apps/todo/log-drains/d.x", 'drain "d.x"'],
  ["DELETE", "/apps/todo/log-drains/d.x", 'drain "d.x"'],
  ["PATCH", "/apps/todo/log-drains/d.x", 'drain "d.x"'],
  ["POST", "/apps/todo/log-drains/d.x/actions/pause", 'drain "d.x"'],
  ["GET", `/apps/todo/log-drains/${url}`, "such drain"],
  ["GET", "/telemetry-drains/x", 'telemetry drain "x"'],
  ["GET", "/oauth/authorizations/k-1", 'key "k-1"'],
  ["DELETE", "/oauth/authorizations/k-1", 'key "k-1"'],
  ["PATCH", "/oauth/authorizations/k-1", 'key "k-1"'],
  ["GET", "/addons/nightly", 'add-on "nightly"'],
  ["DELETE", "/v3/channels/todo/tokens/t.secret", "such token"],
] as const)("%s %s", async (method, path, said) => {
  const body = method === "GET" || method === "DELETE" ? undefined : {};
  const answer = await server.call(method, path, body);
  expect(answer.status).toBe(404);
  expect(JSON.stringify(answer)).toContain(JSON.stringify(`There is no ${said} here`).slice(1, -1));
});
