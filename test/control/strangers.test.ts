/** Every route there is, as seen by keys that may not see it: what exists and what does not look the same. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Answer, ControlServer } from "../support/control-server.ts";

let server: ControlServer;
let stranger: string;
let reader: string;
let drain: { id: string; number: number };
let token: string;
let keyId: string;
const unknownId = "01234567-89ab-4cde-8f01-23456789abcd";

const open = ["/web/session", "/healthz", "/readyz", "/healthcheck", "/v3/healthcheck", "/metrics"];
/** About no app: a key of one app sees its own there, or nothing. */
const ofNobody = [
  "/account",
  "/account/rate-limits",
  "/apps",
  "/users/~/apps",
  "/addon-attachments",
  "/addons",
  "/addon-services",
];

/** Calls of add-on providers, whose credentials are their own. */
const ofProviders =
  /^(?:POST|PUT|PATCH) \/addons\/:addon\/(?:actions|config|log-drains)|^POST \/oauth\/token/;

beforeAll(async () => {
  server = await ControlServer.open();
  await server.call("POST", "/apps", { name: "victim" });
  await server.call("POST", "/apps", { name: "own" });
  const url = "https://example.com/";
  await server.call("POST", "/apps/victim/log-drains", { url });
  const [made] = (await server.call("GET", "/apps/victim/log-drains?extended=true")).json;
  drain = { id: made.id, number: made.extended.drain_id };
  const { json: tokens } = await server.call("GET", "/v3/channels/victim/tokens");
  token = tokens[0].token;
  const { json: key } = await server.call("POST", "/oauth/authorizations", { apps: ["own"] });
  stranger = key.access_token.token;
  const { json: key2 } = await server.call("POST", "/oauth/authorizations", {
    apps: ["victim"],
    read_only: true,
  });
  await server.call("POST", "/apps/victim/releases", { process_types: { web: "node web.js" } });
  await server.call("PATCH", "/apps/victim/config-vars", { SECRET: "example.com" });
  await server.call("PUT", "/apps/victim/runner", runner);
  reader = key2.access_token.token;
  keyId = key2.id;
});
afterAll(() => server.close());

const runner = { id: unknownId, host: "box", pid: 7, dynos: [webDyno()] };

function webDyno() {
  const at = "2026-11-28T16:00:00Z";
  const shape = { type: "web", state: "up", command: "node web.js", size: "Standard-1X", release: 1 };
  return { id: unknownId, name: "web.1", ...shape, createdAt: at, updatedAt: at };
}

type Route = { method: string; url: string };
const routes = (): Route[] =>
  server.routes.filter(({ method, url }) => !open.includes(url) && !["OPTIONS", "TRACE"].includes(method));

const bodies: Record<string, unknown> = {
  "POST /apps/:app/log-drains": { url: "https://example.com/new" },
  "POST /apps/:app/log-drains/:drain/actions/replay": { since: "10m" },
  "POST /apps/:app/log-drains/:drain/actions/rotate": { secret: "new" },
  "POST /v3/channels/:channel/drains": { url: "https://example.com/new" },
  "PUT /v3/channels/:channel/drains/:number": { url: "https://example.com/new" },
  "POST /v3/channels/:channel/tokens": { name: "late" },
  "PATCH /apps/:app/formation": { updates: [{ type: "web", quantity: 2 }] },
  "PATCH /apps/:app/config-vars": { OTHER: "x" },
  "POST /apps/:app/releases": { process_types: { web: "node other.js" } },
  "PATCH /apps/:app/releases/:release": { status: "failed" },
  "POST /apps/:app/dynos": { command: "ls" },
  "POST /apps/:app/addons": { plan: "none:none" },
  "PUT /apps/:app/runner": { ...runner, dynos: [] },
  "PUT /v3/channels/:channel": { tokens: ["app"] },
};

/** A call of the route, well-formed, about that app and things of the victim. */
function ask({ method, url }: Route, app: string, key: string, body?: unknown): Promise<Answer> {
  const path = url
    .replace(":app", app)
    .replace(":channel", app)
    .replace(":drain", drain.id)
    .replace(":number", String(drain.number))
    .replace(":token", token)
    .replace(":type", "web")
    .replace(":dyno", "web.1")
    .replace(":release", "1")
    .replace(":key", keyId);
  const whole =
    body ?? bodies[`${method} ${url}`] ?? (["POST", "PUT", "PATCH"].includes(method) ? {} : undefined);
  return server.call(method, path, whole, { key });
}

const isForeign = ({ url }: Route) => /:(app|channel)/.test(url);
const bare = ({ status, text, headers }: Answer, asked = "\0") => ({
  status,
  text: text.replaceAll(asked, "APP"),
  headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !/^(date|request-id)$/.test(name))),
});

test("the walk covers the whole API", () => {
  const walked = routes().map(({ method, url }) => `${method} ${url}`);
  expect(walked).toEqual(
    expect.arrayContaining([
      "GET /apps/:app",
      "DELETE /apps/:app",
      "POST /apps/:app/log-sessions",
      "GET /apps/:app/log-drains/:drain",
      "POST /apps/:app/log-drains/:drain/actions/test",
      "PUT /v3/channels/:channel",
      "GET /v3/channels/:channel/logs",
      "DELETE /v3/channels/:channel/tokens/:token",
      "GET /oauth/authorizations",
    ]),
  );
  expect(walked.length).toBeGreaterThan(40);
});

describe("a key of another app", () => {
  test("is told of this app exactly what it is told of one that does not exist, by name and by id", async () => {
    const victimId = (await server.registry.apps.get("victim"))!.id;
    for (const route of routes().filter(isForeign)) {
      for (const [there, nowhere] of [
        ["victim", "vanish"],
        [victimId, unknownId],
      ] as const) {
        for (const body of [undefined, "{", { url: 5, lines: "x", name: 5, tokens: 5 }]) {
          // The answer names what was asked for; names of one length keep Content-Length the same.
          const seen = bare(await ask(route, there, stranger, body), there);
          const unseen = bare(await ask(route, nowhere, stranger, body), nowhere);
          const label = `${route.method} ${route.url} ${JSON.stringify(body)}`;
          expect(seen, label).toEqual(unseen);
          expect(seen.status, label).not.toBe(403);
          if (body === undefined) expect([404, 405], label).toContain(seen.status);
        }
      }
    }
  });

  test("gets 404 for what is about all apps, and never 403", async () => {
    for (const route of routes().filter((route) => !isForeign(route))) {
      const { status, text } = await ask(route, "", stranger);
      const label = `${route.method} ${route.url}`;
      expect(status, label).not.toBe(403);
      expect(text, label).not.toMatch(/victim|example\.com/);
      if (/authorizations/.test(route.url) || label === "POST /apps") expect(status, label).toBe(404);
      else if (ofProviders.test(label)) expect(status, label).toBe(401);
      else if (!ofNobody.includes(route.url)) expect([400, 404, 405, 422], label).toContain(status);
    }
  });

  test("cannot find out by a name that is taken, or make an app through v3", async () => {
    for (const name of ["victim", "vanish"]) {
      expect((await server.call("POST", "/apps", { name }, { key: stranger })).status).toBe(404);
      expect((await server.call("PUT", `/v3/channels/${name}`, {}, { key: stranger })).status).toBe(404);
    }
    expect(await server.registry.apps.get("vanish")).toBeUndefined();
  });

  test("cannot open a session by v3 either: an unknown channel's words", async () => {
    for (const channel_id of ["victim", "vanish"]) {
      const answer = await server.call("POST", "/v3/sessions", { channel_id }, { key: stranger });
      expect(answer).toMatchObject({ status: 422, text: '{"error":"channel not found"}' });
    }
  });

  test("sees and manages its own app, and lists nothing else", async () => {
    const { json: apps } = await server.call("GET", "/apps", undefined, { key: stranger });
    expect(apps.map(({ name }: { name: string }) => name)).toEqual(["own"]);
    const made = await server.call(
      "POST",
      "/apps/own/log-drains",
      { url: "https://example.com/" },
      { key: stranger },
    );
    expect(made.status).toBe(201);
    const own = (path: string) => server.call("GET", path, undefined, { key: stranger });
    expect((await own("/v3/channels/own")).status).toBe(200);
    expect((await own(`/apps/own/log-drains/${drain.id}`)).status).toBe(404);
    expect(
      (await server.call("DELETE", `/v3/channels/own/tokens/${token}`, undefined, { key: stranger })).status,
    ).toBe(404);
    expect(await server.registry.tokens.find(token)).toBeDefined();
  });

  test("changed nothing on the whole walk", async () => {
    expect((await server.call("GET", "/apps/victim/log-drains")).json).toHaveLength(1);
    expect((await server.call("GET", "/v3/channels/victim/tokens")).json).toHaveLength(2);
    expect((await server.call("GET", "/apps/victim/config-vars")).json).toEqual({ SECRET: "example.com" });
    expect((await server.call("GET", "/apps/victim/releases")).json).toHaveLength(2);
    expect((await server.call("GET", "/apps/victim/dynos")).json).toMatchObject([{ name: "web.1" }]);
  });
});

describe("a key that only reads", () => {
  test("is told so wherever it would change an app that it sees, or could write to it", async () => {
    const secret = /^(GET|HEAD) \/apps\/:app\/(config-vars|runner|releases\/:release\/config-vars)/; // for keys that manage the app
    const reads =
      /^(GET|HEAD) \/apps|^POST \/apps\/:app\/log-sessions|^(GET|HEAD) \/v3\/channels\/:channel\/logs/;
    await server.call("PUT", "/apps/victim/runner", runner); // 15 seconds of silence may have passed on a busy machine
    for (const route of routes().filter(isForeign)) {
      const { status, text } = await ask(route, "victim", reader);
      const label = `${route.method} ${route.url}`;
      const isNone = text.includes("NO_MEANING_HERE") || (route.method === "HEAD" && status === 422);
      if (isNone || route.url.includes(":addon")) continue;
      if (reads.test(label) && !secret.test(label)) expect([200, 201], label).toContain(status);
      else expect([403, 404, 405], label).toContain(status);
      expect(text, label).not.toContain(token);
    }
    expect((await server.call("DELETE", "/apps/victim", undefined, { key: reader })).json.id).toBe(
      "forbidden",
    );
    expect((await server.call("GET", "/apps/victim/log-drains")).json).toHaveLength(1);
  });

  test("of all apps may not make apps or keys", async () => {
    const { json } = await server.call("POST", "/oauth/authorizations", { read_only: true });
    const key = json.access_token.token;
    expect((await server.call("GET", "/apps", undefined, { key })).json).toHaveLength(2);
    for (const [method, url] of [
      ["POST", "/apps"],
      ["POST", "/oauth/authorizations"],
      ["PUT", "/v3/channels/own"],
    ] as const) {
      expect((await server.call(method, url, {}, { key })).status).toBe(403);
    }
    expect((await server.call("PUT", "/v3/channels/vanish", {}, { key })).status).toBe(404);
  });
});

test("without a key every route says 401, to whatever it is asked", async () => {
  for (const route of routes()) {
    const { status } = await ask(route, "victim", "nobody's-key");
    const isSyntax = /^\/v3\/sessions/.test(route.url) && status === 400; // v3 looks at the body first
    if (!isSyntax) expect([401, 405], `${route.method} ${route.url}`).toContain(status);
  }
});
