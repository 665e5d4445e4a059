import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { ControlServer } from "../support/control-server.ts";

let server: ControlServer;
beforeAll(async () => {
  server = await ControlServer.open();
});
afterEach(() => server.reset());
afterAll(() => server.close());

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString("base64")}` });

describe("credentials", () => {
  const key = "the-operator's-key-of-the-tests";
  test.each<[string, Record<string, string>]>([
    ["Bearer", { authorization: `Bearer ${key}` }],
    ["bearer, with more spaces", { authorization: `bearer   ${key}` }],
    ["Basic with an e-mail, as Terraform", basic(`me@example.com:${key}`)],
    ["Basic without a user, as heroku3", basic(`:${key}`)],
  ])("%s is let in", async (_name, headers) => {
    expect((await server.call("GET", "/account", undefined, { key: null, headers })).status).toBe(200);
  });

  test.each<[string, Record<string, string>]>([
    ["nothing", {}],
    ["another key", { authorization: "Bearer nope" }],
    ["a key without scheme", { authorization: key }],
    ["bad base64", { authorization: "Basic %%%" }],
    ["Basic without a colon", basic(key)],
    ["the key as the user", basic(`${key}:`)],
    ["another scheme", { authorization: `Digest ${key}` }],
    ["two keys", { authorization: `Bearer ${key} ${key}` }],
  ])("%s is 401", async (_name, headers) => {
    const answer = await server.call("GET", "/account", undefined, { key: null, headers });
    expect(answer.status).toBe(401);
    expect(answer.json).toEqual({
      id: "unauthorized",
      code: "UNAUTHORIZED",
      message: expect.stringContaining("key"),
    });
    expect(answer.headers["www-authenticate"]).toMatch(/^Bearer/);
    expect(answer.headers["content-type"]).toContain("application/json");
  });
});

describe("every answer", () => {
  test.each(["version=3", "version=3.sdk", "version=3.dogwood", "version=3.cedar-acm"])(
    "suits Accept %s",
    async (version) => {
      const headers = {
        accept: `application/vnd.heroku+json; ${version}`,
        "content-type": "application/json",
      };
      const answer = await server.call("GET", "/apps", undefined, {
        headers: { ...headers, range: "id ..; max=1000" },
      });
      expect(answer).toMatchObject({ status: 200, json: [] });
      expect(answer.headers["content-type"]).toContain("application/json");
      expect(answer.headers["next-range"]).toBeUndefined();
    },
  );

  test.each(["/account", "/apps/none", "/nowhere"])(
    "of %s has the client's Request-Id, or one of its own",
    async (url) => {
      const id = "01234567-89ab-4cde-8f01-23456789abcd,98765432-10fe-4cba-8f01-23456789abcd";
      const given = await server.call("GET", url, undefined, { headers: { "request-id": id } });
      expect(given.headers["request-id"]).toBe(id);
      expect((await server.call("GET", url)).headers["request-id"]).toMatch(uuid);
    },
  );
});

describe("failures", () => {
  test.each(["{", "[1", '"', "nonsense", '{"__proto__": {"a": 1}'])("%j is no JSON", async (body) => {
    const answer = await server.call("POST", "/apps", body);
    expect(answer).toMatchObject({ status: 400, json: { id: "bad_request" } });
    expect(answer.json.message).toContain("is not valid JSON");
  });

  test.each(['{"__proto__": {"a": 1}}', '{"name": {"constructor": {"prototype": 1}}}'])(
    "%j has a name that nothing may have",
    async (body) => {
      const answer = await server.call("POST", "/apps", body);
      expect(answer).toMatchObject({ status: 422, json: { id: "invalid_params" } });
      expect(answer.json.message).toContain("nothing may have the name `__proto__`");
    },
  );

  test.each([
    ["POST", "/apps", "[]"],
    ["POST", "/apps", "3"],
    ["POST", "/apps", '{"name": {}}'],
  ])("%s %s %s is 422 and names the field", async (method, url, body) => {
    const answer = await server.call(method, url, body);
    expect(answer).toMatchObject({ status: 422, json: { id: "invalid_params" } });
    expect(answer.json.message).toMatch(/`(body|name)` must be/);
  });

  test("a body that is too large is 413, before it is read", async () => {
    const answer = await server.call("POST", "/apps", `{"name": "${"x".repeat(600_000)}"}`);
    expect(answer).toMatchObject({ status: 413, json: { id: "bad_request" } });
  });

  test.each([
    ["GET", "/"],
    ["GET", "/nowhere"],
    ["PATCH", "/apps/x"],
    ["DELETE", "/account"],
  ])("%s %s is no route", async (method, url) => {
    expect(await server.call(method, url)).toMatchObject({ status: 404, json: { id: "not_found" } });
  });

  test("what nobody expected is 500 without its details", async () => {
    const failing = vi.spyOn(server.registry.apps, "list").mockRejectedValue(new Error("password hunter2"));
    const answer = await server.call("GET", "/apps");
    failing.mockRestore();
    expect(answer).toMatchObject({ status: 500, json: { id: "internal_server_error" } });
    expect(answer.text).not.toContain("hunter2");
    expect(answer.headers["request-id"]).toMatch(uuid);
  });
});

test("whoami and the rate limit", async () => {
  expect((await server.call("GET", "/account")).json).toEqual({
    id: expect.stringMatching(uuid),
    email: expect.stringContaining("@"),
    name: null,
    verified: true,
    two_factor_authentication: false,
    created_at: expect.stringMatching(time),
    updated_at: expect.stringMatching(time),
  });
  expect((await server.call("GET", "/account/rate-limits")).json).toEqual({ remaining: expect.any(Number) });
});

describe("apps", () => {
  test("made, listed, shown by name and id, destroyed", async () => {
    const made = await server.call("POST", "/apps", { name: "todo", region: "eu", stack: null });
    expect(made.status).toBe(201);
    expect(made.json).toMatchObject({
      id: expect.stringMatching(uuid),
      name: "todo",
      generation: { name: "cedar" },
      owner: { email: expect.stringContaining("@") },
      region: { name: expect.any(String) },
      stack: { name: expect.any(String) },
      build_stack: { name: expect.any(String) },
      web_url: null,
      create_status: "complete",
      repo_size: 0,
      slug_size: 0,
      space: null,
      created_at: expect.stringMatching(time),
    });
    const { json: app } = made;
    for (const url of ["/apps/todo", `/apps/${app.id}`])
      expect((await server.call("GET", url)).json).toEqual(app);
    for (const url of ["/apps", "/users/~/apps"]) expect((await server.call("GET", url)).json).toEqual([app]);
    expect(await server.call("DELETE", `/apps/${app.id}`)).toMatchObject({ status: 200, json: app });
    expect(await server.call("GET", "/apps/todo")).toMatchObject({
      status: 404,
      json: { id: "not_found", resource: "app" },
    });
  });

  test.each([{}, undefined, { name: null }])("made without a name (%j) has one", async (body) => {
    const answer = await server.call("POST", "/apps", body);
    expect(answer).toMatchObject({
      status: 201,
      json: { name: expect.stringMatching(/^[a-z]+-[a-z]+-\d{5}$/) },
    });
  });

  test("a name that is taken or none is 422", async () => {
    await server.call("POST", "/apps", { name: "todo" });
    for (const name of ["todo", "To do", "1", "", "x".repeat(64)]) {
      const answer = await server.call("POST", "/apps", { name });
      expect(answer).toMatchObject({ status: 422, json: { id: "invalid_params" } });
    }
  });

  test.each(["addons", "dynos", "collaborators", "addon-attachments", "telemetry-drains"])(
    "has no %s",
    async (list) => {
      await server.call("POST", "/apps", { name: "todo" });
      expect(await server.call("GET", `/apps/todo/${list}`)).toMatchObject({ status: 200, json: [] });
      expect((await server.call("GET", `/apps/none/${list}`)).status).toBe(404);
    },
  );
});

describe("log sessions", () => {
  beforeEach(async () => {
    await server.call("POST", "/apps", { name: "todo" });
  });
  const ask = (body?: unknown, headers = {}) =>
    server.call("POST", "/apps/todo/log-sessions", body, { headers });
  const specOf = async (body?: unknown) => {
    const { json } = await ask(body);
    return server.sessions.read(new URL(json.logplex_url).pathname.slice("/sessions/".length), {
      resuming: false,
    })!;
  };

  test("is an absolute address where the client can reach it, unguessable and new each time", async () => {
    const first = await ask({ lines: 5, tail: false }, { host: "logs.internal:7000" });
    expect(first.status).toBe(201);
    expect(first.json).toMatchObject({
      id: expect.stringMatching(uuid),
      logplex_url: expect.stringMatching(/^http:\/\/logs\.internal:7000\/sessions\/[\w.-]{60,}$/),
      created_at: expect.stringMatching(time),
      updated_at: expect.stringMatching(time),
    });
    expect((await ask({ lines: 5 })).json.logplex_url).not.toBe(first.json.logplex_url);
  });

  test("says how many lines it shows, how many it would show at most, and of whom", async () => {
    expect((await ask({ lines: 5_000, dyno: "web.1" })).json).toMatchObject({
      lines: 1_500,
      lines_max: 1_500,
      source: null,
      dyno: "web.1",
    });
    expect((await ask({ since: "1h", source: ["app", "heroku"] })).json).toMatchObject({
      lines: null,
      source: "app,heroku",
      dyno: null,
    });
    expect(await specOf({ since: "1h" })).not.toHaveProperty("lines");
  });

  test("a time range that ends before it begins is refused, and one of a moment is not", async () => {
    expect(await ask({ since: "5m", until: "10m" })).toMatchObject({
      status: 422,
      json: { id: "invalid_params", message: expect.stringContaining("`since` is later than `until`") },
    });
    expect((await ask({ since: "5m", until: "5m" })).status).toBe(201);
    expect((await ask({ since: "10m", until: "5m" })).status).toBe(201);
  });

  test("a field that is misspelt is refused, and all that Heroku's clients send is taken", async () => {
    expect(await ask({ mathc: "timeout" })).toMatchObject({
      status: 422,
      json: {
        id: "invalid_params",
        message: expect.stringMatching(/there is no `mathc`; there are `lines`, /),
      },
    });
    const ofHeroku = { lines: 1, tail: false, source: "app", dyno: "web.1", dyno_name: "web.1", type: "web" };
    expect((await ask(ofHeroku)).status).toBe(201);
  });

  test("has the configured address when there is one", async () => {
    const other = await ControlServer.open({ publicUrl: "https://logs.example.com/base/" });
    await other.call("POST", "/apps", { name: "todo" });
    const { json } = await other.call("POST", "/apps/todo/log-sessions", {});
    expect(json.logplex_url).toMatch(/^https:\/\/logs\.example\.com\/base\/sessions\//);
    await other.close();
  });

  test("a Host that is none is 400", async () => {
    expect(await ask({}, { host: "a b/c" })).toMatchObject({ status: 400, json: { id: "bad_request" } });
  });

  test.each([
    [
      { lines: 100, tail: false },
      { lines: 100, tail: false, filter: {} },
    ],
    [
      { lines: 2, tail: true },
      { lines: 2, tail: true, filter: {} },
    ],
    [
      { source: "app", dyno: "web.1", lines: 2, tail: false },
      { lines: 2, tail: false, filter: { sources: ["app"], dynos: ["web.1"] } },
    ],
    [
      { source: "app", type: "web" },
      { lines: 100, tail: true, filter: { sources: ["app"], dynos: ["web"] } },
    ],
    [{ dyno: "web-1" }, { lines: 100, tail: true, filter: { dynos: ["web-1"] } }],
    [
      { dyno_name: "web.1", type: "web", lines: 1 },
      { lines: 1, tail: false, filter: { dynos: ["web.1"] } },
    ],
    [
      { dyno: ["web.1", "worker"], dyno_name: "clock", source: ["app", "", "heroku"] },
      { filter: { dynos: ["web.1", "worker", "clock"], sources: ["app", "heroku"] } },
    ],
    [
      { dyno: ["web.1", "worker", "web.2"], type: ["web", "worker.1"] },
      { filter: { dynos: ["web.1", "worker.1", "web.2"] } },
    ],
    [{ source: "a,b" }, { filter: { sources: ["a,b"] } }],
    [
      { since: "10m", lines: 7, progress: true },
      { lines: 7, tail: false, progress: true },
    ],
    [{ lines: 1_000_000 }, { lines: 1_500, tail: false, filter: {} }],
    [
      { lines: 0, tail: true, source: "", dyno: null },
      { lines: 0, tail: true, filter: {} },
    ],
    [
      { lines: null, tail: null },
      { lines: 100, tail: true, filter: {} },
    ],
    [
      { match: "a.b", exclude: "c", lines: 3 },
      { lines: 3, tail: false, filter: { match: "a.b", exclude: "c" } },
    ],
    [{ since: "2026-01-02T03:04:05Z" }, { sinceMs: Date.parse("2026-01-02T03:04:05Z"), tail: false }],
    [{ format: "json", lines: 1 }, { format: "json" }],
    [
      { until: "2026-01-02T03:04:05Z" },
      { untilMs: Date.parse("2026-01-02T03:04:05Z"), tail: false, lines: 100 },
    ],
    [{ context_after: 3, lines: 1 }, { around: { before: 0, after: 3 } }],
    [
      { exclude_dyno: ["web.*", "run"], level: "warn" },
      { filter: { excludeDynos: ["web.*", "run"], level: "warning" } },
    ],
    [undefined, { lines: 100, tail: true }],
  ])("%j shows %j", async (body, spec) => {
    expect(await specOf(body)).toMatchObject(spec);
  });

  test.each([
    [{ lines: "many" }, "lines"],
    [{ lines: -1 }, "lines"],
    [{ lines: 1.5 }, "lines"],
    [{ tail: "maybe" }, "tail"],
    [{ since: "soon" }, "since"],
    [{ match: "(" }, "match"],
    [{ exclude: "(?=x)" }, "exclude"],
    [{ format: "xml" }, "format"],
    [{ until: "soon" }, "until"],
    [{ until: "1h", tail: true }, "until"],
    [{ context_before: 2 }, "context_before"],
    [{ context_after: 101, lines: 1 }, "context_after"],
    [{ context_after: 1, lines: 1, tail: true }, "context_after"],
    [{ level: "loud" }, "level"],
    [{ exclude_dyno: Array.from({ length: 21 }, (_, n) => `web.${n}`) }, "exclude_dyno"],
    [{ source: "x".repeat(129) }, "source"],
    [{ source: ["app", "x".repeat(129)] }, "source"],
    [{ dyno: Array.from({ length: 21 }, (_, n) => `web.${n}`) }, "dyno"],
    [{ dyno: { web: 1 } }, "dyno"],
    [{ dyno: "web.1", type: "worker" }, "type"],
  ])("%j is 422 and says %s", async (body, word) => {
    const answer = await ask(body);
    expect(answer).toMatchObject({ status: 422, json: { id: "invalid_params" } });
    expect(answer.json.message).toContain(word);
  });
});
