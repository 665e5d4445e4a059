/** What `heroku telemetry…` and the Terraform provider call. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { ControlServer } from "../support/control-server.ts";

let server: ControlServer;
let appId: string;
beforeAll(async () => {
  server = await ControlServer.open();
});
beforeEach(async () => {
  appId = (await server.call("POST", "/apps", { name: "todo" })).json.id;
});
afterEach(() => server.reset());
afterAll(() => server.close());

const endpoint = "https://otel.example.com:4318/base";
const all = ["traces", "metrics", "logs"];
const bodyOf = (changes: object = {}, exporter: object = {}) => ({
  owner: { id: appId, type: "app" },
  signals: all,
  exporter: { endpoint, headers: { "API-Key": "k" }, type: "otlphttp", ...exporter },
  ...changes,
});
const add = (body: unknown = bodyOf(), key?: { key: string }) =>
  server.call("POST", "/telemetry-drains", body, key);

test("added, the drain is what was asked for, and a log drain over OTLP with a ledger", async () => {
  const { status, json } = await add();
  expect(status).toBe(201);
  expect(json).toEqual({
    id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    owner: { id: appId, type: "app" },
    exporter: { type: "otlphttp", endpoint, headers: { "API-Key": "k" } },
    signals: all,
    created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    updated_at: json.created_at,
  });
  expect((await server.call("GET", "/apps/todo/telemetry-drains")).json).toEqual([json]);
  expect((await server.call("GET", `/telemetry-drains/${json.id}`)).json).toEqual(json);
  expect((await server.call("GET", "/apps/todo/log-drains")).json).toMatchObject([
    {
      id: json.id,
      url: `${endpoint}/v1/logs`,
      format: "otlp",
      state: "idle",
      headers: { "API-Key": "(hidden)" },
    },
  ]);
});

test("an endpoint that is the logs' own is taken as it is; log drains are no telemetry drains", async () => {
  await add(bodyOf({}, { endpoint: "https://otel.example.com/v1/logs" }));
  const { json } = await server.call("POST", "/apps/todo/log-drains", { url: "https://example.com/" });
  expect((await server.call("GET", "/apps/todo/log-drains")).json[0].url).toBe(
    "https://otel.example.com/v1/logs",
  );
  expect((await server.call("GET", "/apps/todo/telemetry-drains")).json).toHaveLength(1);
  expect(await server.call("GET", `/telemetry-drains/${json.id}`)).toMatchObject({
    status: 404,
    json: { id: "not_found", resource: "telemetry_drain" },
  });
});

test("changed, only the given parts change", async () => {
  const { json: drain } = await add();
  const at = `/telemetry-drains/${drain.id}`;
  expect((await server.call("PATCH", at, { signals: ["logs"] })).json).toMatchObject({
    signals: ["logs"],
    exporter: drain.exporter,
  });
  expect(
    (await server.call("PATCH", at, { exporter: { endpoint: "https://two.example.com" } })).json,
  ).toMatchObject({
    signals: ["logs"],
    exporter: { ...drain.exporter, endpoint: "https://two.example.com" },
  });
  expect((await server.call("PATCH", at, { exporter: { headers: { "X-B": "c" } } })).json.exporter).toEqual({
    type: "otlphttp",
    endpoint: "https://two.example.com",
    headers: { "X-B": "c" },
  });
  expect((await server.call("GET", "/apps/todo/log-drains")).json[0].url).toBe(
    "https://two.example.com/v1/logs",
  );
});

test("a change that is refused is none: the endpoint, its key and where lines go stay together", async () => {
  const { json: drain } = await add();
  const at = `/telemetry-drains/${drain.id}`;
  const logDrains = async () => (await server.call("GET", "/apps/todo/log-drains")).json;
  const before = await logDrains();
  const moved = "https://two.example.com";
  for (const body of [
    { exporter: { endpoint: moved, headers: { Host: "x" } } },
    { exporter: { endpoint: moved }, signals: ["traces"] },
    { exporter: { endpoint: "https://10.0.0.1" }, signals: ["logs"] },
  ]) {
    expect((await server.call("PATCH", at, body)).status).toBe(422);
    expect((await server.call("GET", at)).json).toEqual(drain);
    expect(await logDrains()).toEqual(before);
  }
  expect((await server.call("POST", "/apps/todo/log-drains", { url: `${moved}/v1/logs` })).status).toBe(201);
});

test("changed at the same time, the endpoint shown is where lines go", async () => {
  const { json: drain } = await add();
  const at = `/telemetry-drains/${drain.id}`;
  const moved = "https://two.example.com";
  await Promise.all([
    server.call("PATCH", at, { exporter: { endpoint: moved } }),
    server.call("PATCH", at, { signals: ["logs"] }),
  ]);
  expect((await server.call("GET", at)).json).toMatchObject({
    exporter: { endpoint: moved },
    signals: ["logs"],
  });
  expect((await server.call("GET", "/apps/todo/log-drains")).json[0].url).toBe(`${moved}/v1/logs`);
});

test("removed, it is the answer, and gone", async () => {
  const { json: drain } = await add();
  expect(await server.call("DELETE", `/telemetry-drains/${drain.id}`)).toMatchObject({
    status: 200,
    json: drain,
  });
  expect((await server.call("DELETE", `/telemetry-drains/${drain.id}`)).status).toBe(404);
  expect((await server.call("GET", "/apps/todo/log-drains")).json).toEqual([]);
});

test.each<[string, () => object, string]>([
  ["gRPC", () => bodyOf({}, { type: "otlp" }), "--transport http"],
  ["a space", () => bodyOf({ owner: { id: "x", type: "space" } }), "for each app"],
  ["another exporter", () => bodyOf({}, { type: "splunk" }), "format `splunk`"],
  ["no logs among the signals", () => bodyOf({ signals: ["traces"] }), "add `logs`"],
  ["an unknown signal", () => bodyOf({ signals: ["logs", "profiles"] }), "profiles"],
  ["a signal twice", () => bodyOf({ signals: ["logs", "logs"] }), "twice"],
  ["no signals", () => bodyOf({ signals: [] }), "one at least"],
  ["an unknown key", () => bodyOf({ sampling: 1 }), "`sampling`"],
  ["an unknown key of the exporter", () => bodyOf({}, { port: 1 }), "`exporter.port`"],
  ["no endpoint", () => bodyOf({ exporter: { type: "otlphttp" } }), "`exporter.endpoint`"],
  ["no exporter", () => ({ owner: { id: appId }, signals: all }), "`exporter.endpoint`"],
  ["an endpoint of another scheme", () => bodyOf({}, { endpoint: "syslog://example.com" }), "http://"],
  ["an endpoint that drains may not reach", () => bodyOf({}, { endpoint: "https://10.0.0.1" }), "private"],
  ["a long endpoint", () => bodyOf({}, { endpoint: `https://example.com/${"x".repeat(1_000)}` }), "1000"],
  ["a header that is none", () => bodyOf({}, { headers: { "a b": "c" } }), "a b"],
  [
    "too many headers",
    () => bodyOf({}, { headers: Object.fromEntries(Array.from({ length: 21 }, (_, n) => [`h${n}`, ""])) }),
    "20",
  ],
])("refused with its mend is %s", async (_what, body, words) => {
  const { status, json } = await add(body());
  expect({ status, id: json.id }).toEqual({ status: 422, id: "invalid_params" });
  expect(json.message).toContain(words);
  expect((await server.call("GET", "/apps/todo/log-drains")).json).toEqual([]);
});

test("a key of another app sees nothing of it; one that only reads sees no secret and changes nothing", async () => {
  const { json: drain } = await add(bodyOf({}, { endpoint: "https://u:word@example.com/" }));
  await server.call("POST", "/apps", { name: "other" });
  const keyOf = async (app: string, read_only: boolean) =>
    (await server.call("POST", "/oauth/authorizations", { apps: [app], read_only })).json.access_token.token;
  const at = `/telemetry-drains/${drain.id}`;
  const stranger = { key: await keyOf("other", false) };
  for (const method of ["GET", "DELETE", "PATCH"]) {
    const body = method === "PATCH" ? {} : undefined;
    expect((await server.call(method, at, body, stranger)).status).toBe(404);
  }
  expect((await add(bodyOf(), stranger)).status).toBe(404);
  const reader = { key: await keyOf("todo", true) };
  const shown = await server.call("GET", at, undefined, reader);
  expect(shown.json.exporter.headers).toEqual({ "API-Key": "(hidden)" });
  expect(shown.text).not.toContain("word");
  expect((await server.call("DELETE", at, undefined, reader)).status).toBe(403);
  expect((await add(bodyOf(), reader)).status).toBe(403);
});
