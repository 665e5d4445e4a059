import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
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

const drains = "/apps/todo/log-drains";
const pasted = "https://user:p%40ss@example.com:8443/in?x=1";
const at = (name: string, rest = "") => `${drains}/${encodeURIComponent(name)}${rest}`;
const add = (body: unknown) => server.call("POST", drains, body);

test("added, the drain has everything that Heroku's clients and its owner need", async () => {
  const { status, json } = await add({ url: pasted });
  expect(status).toBe(201);
  expect(json).toEqual({
    id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    url: pasted,
    token: expect.stringMatching(/^d\.[0-9a-f-]{36}$/),
    addon: null,
    app: { id: appId, name: "todo" },
    created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    updated_at: json.created_at,
    format: "logplex",
    compression: null,
    headers: {},
    filter: {},
    redact: {},
    signed: false,
    state: "idle",
    last_error: null,
    last_test: null,
    lag_lines: 0,
    lag_seconds: 0,
    rate: 0,
    delivered: 0,
    refused: 0,
    lost: 0,
    filtered: 0,
    replayed: 0,
    delivered_at: null,
    next_attempt_at: null,
    well_since: null,
    replay: null,
  });
  expect((await server.call("GET", drains)).json).toEqual([json]);
});

describe("with `verify`", () => {
  test("a destination that takes a test line is added, with the token that it was tried with", async () => {
    const { status, json } = await add({ url: pasted, verify: true });
    expect({ status, token: json.token }).toEqual({ status: 201, token: server.tried!.token });
  });

  test("one that does not is not, and says why; its URL is free again", async () => {
    server.verdict = { kind: "refused", reason: "example.com:8443 answered 400" };
    const { status, json, text } = await add({ url: pasted, verify: true });
    expect({ status, id: json.id }).toEqual({ status: 422, id: "invalid_params" });
    expect(json.message).toContain("refused the test line: example.com:8443 answered 400.");
    expect(text).not.toContain("p%40ss");
    expect((await server.call("GET", drains)).json).toEqual([]);
    expect((await add({ url: pasted })).status).toBe(201);
  });

  test("what cannot be a drain is not tried; without it nothing is", async () => {
    server.tried = undefined;
    await add({ url: pasted, verify: false });
    expect((await add({ url: pasted, verify: true })).status).toBe(422);
    expect((await add({ url: "ftp://example.com", verify: true })).status).toBe(422);
    expect(server.tried).toBeUndefined();
  });
});

test("is named by id, token or URL, which is decoded exactly once", async () => {
  const { json: drain } = await add({ url: pasted });
  for (const name of [drain.id, drain.token, pasted]) {
    expect(await server.call("GET", at(name))).toMatchObject({ status: 200, json: drain });
  }
  expect(at(pasted)).toContain("https%3A%2F%2Fuser%3Ap%2540ss%40example.com%3A8443%2Fin%3Fx%3D1");
  for (const name of ["https://user:p@ss@example.com:8443/in?x=1", "d.none", "https://example.com/%2F"]) {
    expect(await server.call("GET", at(name))).toMatchObject({
      status: 404,
      json: { id: "not_found", resource: "log_drain" },
    });
  }
});

test("a URL of 2000 characters can be added, shown and removed by itself", async () => {
  const url = `https://example.com/${"%41/".repeat(495)}`;
  expect(url.length).toBe(2_000);
  expect((await add({ url })).status).toBe(201);
  expect(await server.call("DELETE", at(url))).toMatchObject({ status: 200, json: { url } });
});

test("removed, it is the answer, and gone", async () => {
  const { json: drain } = await add({ url: pasted });
  expect(await server.call("DELETE", at(pasted))).toMatchObject({ status: 200, json: drain });
  expect((await server.call("DELETE", at(drain.id))).status).toBe(404);
  expect((await server.call("GET", drains)).json).toEqual([]);
});

test("the extended list has the decimal id", async () => {
  await add({ url: pasted });
  expect((await server.call("GET", `${drains}?extended=true`)).json[0].extended).toEqual({ drain_id: 1 });
  expect((await server.call("GET", `${drains}?extended=1`)).json[0].extended).toBeUndefined();
});

describe("refused with 422", () => {
  test("is the same URL again, and a seventh drain", async () => {
    for (let n = 0; n < 6; n++) await add({ url: `https://example.com/${n}` });
    expect(await add({ url: "https://example.com/0" })).toMatchObject({
      status: 422,
      json: { id: "invalid_params" },
    });
    const { status, json } = await add({ url: "https://example.com/6" });
    expect({ status, ...json }).toMatchObject({ status: 422, id: "invalid_params" });
    expect(json.message).toContain("maximum number of drains");
  });

  test("is a field that there is none of, which is named with those that there are", async () => {
    const misspelt = await add({ url: pasted, headrs: { "X-Key": "k" } });
    expect(misspelt).toMatchObject({ status: 422, json: { id: "invalid_params" } });
    expect(misspelt.json.message).toMatch(/there is no `headrs`; there are `url`, .*`headers`.*`verify`\./);
    expect(misspelt.text).not.toContain("X-Key");
    expect((await server.call("GET", drains)).json).toEqual([]);
    const { json: drain } = await add({ url: pasted });
    for (const name of ["headrs", "since", "verify"]) {
      const { status, json } = await server.call("PATCH", at(drain.id), { [name]: null, secret: "s" });
      expect(status).toBe(422);
      expect(json.message).toContain(`there is no \`${name}\`; there are \`url\`, \`format\``);
    }
    expect((await server.call("GET", at(drain.id))).json).toEqual(drain);
  });

  test("is a body without the field that it needs, which is named", async () => {
    expect((await add({})).json.message).toContain("`url` is missing");
    const session = await server.call("POST", "/apps/todo/log-sessions", { format: "xml" });
    expect(session.json.message).toContain("`format` must be one of text, json, raw");
  });

  test.each([
    {},
    { url: null },
    { url: "" },
    { url: 5 },
    { url: "ftp://example.com" },
    { url: "example.com" },
    { url: "https://10.0.0.1/" },
    { url: "udpsyslog://example.com:514" },
    { url: "syslog://user@example.com" },
    { url: "syslog://example.com", format: "ndjson" },
    { url: "syslog://example.com", headers: { "X-Y": "z" } },
    { url: "syslog://example.com", secret: "s" },
    { url: "syslog://0xa.1/" },
    { url: pasted, compression: "br" },
    { url: pasted, previous_secret: "s" },
    { url: pasted, redact: { detectors: ["phone"] } },
    { url: pasted, redact: { patterns: ["("] } },
    { url: pasted, redact: { patterns: ["a*"] } },
    { url: pasted, redact: { pattern: ["a"] } },
    { url: pasted, format: "xml" },
    { url: pasted, headers: "X: y" },
    { url: pasted, headers: { Host: "x" } },
    { url: pasted, headers: { "X-Y": "a\nb" } },
    { url: pasted, filter: { match: "(" } },
    { url: pasted, filter: 3 },
    { url: pasted, filter: { source: ["app"] } },
    { url: pasted, ca: "x" },
    { url: pasted, since: "soon" },
    { url: pasted, secret: "" },
  ])("is %j, and nothing is made of it", async (body) => {
    const answer = await add(body);
    expect(answer).toMatchObject({ status: 422, json: { id: "invalid_params" } });
    expect(answer.text).not.toContain("p%40ss");
    expect((await server.call("GET", drains)).json).toEqual([]);
  });
});

test("what is secret goes in and never comes out; the URL does, but not to a key that only reads", async () => {
  const secret = "s3cret-of-the-drain";
  const body = {
    url: pasted,
    headers: { "X-Api-Key": secret },
    secret,
    filter: { sources: ["app"], match: "x" },
  };
  const { json: drain } = await add(body);
  expect(drain).toMatchObject({ headers: { "X-Api-Key": "(hidden)" }, signed: true, filter: body.filter });
  const { json: key } = await server.call("POST", "/oauth/authorizations", {
    apps: ["todo"],
    read_only: true,
  });
  for (const asked of [drains, at(drain.id)]) {
    expect((await server.call("GET", asked)).text).not.toContain(secret);
    const { text } = await server.call("GET", asked, undefined, { key: key.access_token.token });
    expect(text).toContain("example.com");
    expect(text).not.toMatch(/p%40ss|s3cret|x=1/);
  }
});

describe("actions", () => {
  test("pause and resume", async () => {
    const { json: drain } = await add({ url: pasted });
    const paused = await server.call("POST", at(drain.id, "/actions/pause"));
    expect(paused).toMatchObject({ status: 200, json: { id: drain.id, state: "paused" } });
    const resumed = await server.call("POST", at(pasted, "/actions/resume"), {});
    expect(resumed).toMatchObject({ status: 200, json: { state: "idle" } });
  });

  test("replay takes a time", async () => {
    const { json: drain } = await add({ url: pasted });
    expect((await server.call("POST", at(drain.id, "/actions/replay"), { since: "10m" })).status).toBe(200);
    const [record] = await server.registry.drains.list(appId as never);
    expect(record!.replay!.sinceMs).toBeLessThan(Date.now() - 599_000);
    const since = new Date(record!.replay!.sinceMs).toISOString().replace(/\.\d+Z$/, "Z");
    const waiting = { since, state: "waiting", lines: 0, left: 0, sent: 0 };
    expect((await server.call("GET", at(drain.id, ""))).json.replay).toEqual(waiting);
    for (const body of [{}, { since: "soon" }, { since: null }]) {
      expect((await server.call("POST", at(drain.id, "/actions/replay"), body)).status).toBe(422);
    }
  });

  test("test tells what the destination answered", async () => {
    const { json: drain } = await add({ url: pasted });
    const tested = () => server.call("POST", at(drain.id, "/actions/test"));
    expect(await tested()).toMatchObject({
      status: 200,
      json: { kind: "delivered", reason: null, steps: [] },
    });
    expect(server.tried!.id).toBe(drain.id);
    server.verdict = { kind: "retry", reason: "it answered 500" };
    server.steps = [{ name: "answer", ms: 1.5, detail: "it answered 500", failed: true }];
    expect((await tested()).json).toEqual({
      kind: "retry",
      reason: "it answered 500",
      expiring: null,
      steps: server.steps,
    });
    const { json } = await server.call("GET", at(drain.id));
    expect(json.last_test).toEqual({
      at: expect.stringMatching(/Z$/),
      kind: "retry",
      reason: "it answered 500",
      expiring: null,
    });
    expect(json.last_error).toBeNull();
    // It says nothing of a drain that was changed since.
    expect((await server.call("PATCH", at(drain.id), { format: "ndjson" })).json.last_test).toBeNull();
  });

  test("rotate signs with the new secret and the one before, until that is taken away", async () => {
    const { json: drain } = await add({ url: pasted, secret: "one" });
    const rotate = (secret: unknown) => server.call("POST", at(drain.id, "/actions/rotate"), { secret });
    const record = async () => (await server.registry.drains.list(appId as never))[0]!;
    const { status, text } = await rotate("two");
    expect({ status, isShown: /"(one|two)"/.test(text) }).toEqual({ status: 200, isShown: false });
    expect(await record()).toMatchObject({ secret: "two", previousSecret: "one" });
    for (const wrong of ["", null]) expect((await rotate(wrong)).status).toBe(422);
    await rotate("three");
    expect(await record()).toMatchObject({ secret: "three", previousSecret: "two" });
    await server.call("PATCH", at(drain.id), { previous_secret: null });
    expect(await record()).not.toHaveProperty("previousSecret");
  });

  test("of a drain that is not there, and one that there is not", async () => {
    const { json: drain } = await add({ url: pasted });
    expect((await server.call("POST", at("none", "/actions/pause"))).status).toBe(404);
    expect((await server.call("POST", at(drain.id, "/actions/explode"))).status).toBe(404);
  });
});

test("what an owner words of a drain can be changed; null takes it away, and the rest stays", async () => {
  await add({ url: pasted, format: "ndjson", headers: { "X-Key": "1" }, filter: { sources: ["app"] } });
  const changed = await server.call("PATCH", at(pasted), {
    format: null,
    secret: "new",
    previous_secret: "old",
    compression: "gzip",
    redact: { detectors: ["email"], patterns: ["acct-\\d+"] },
  });
  expect(changed).toMatchObject({
    status: 200,
    json: {
      format: "logplex",
      compression: "gzip",
      headers: { "X-Key": "(hidden)" },
      filter: { sources: ["app"] },
      redact: { detectors: ["email"], patterns: ["acct-\\d+"] },
      signed: true,
    },
  });
  expect(changed.text).not.toContain("old");
  expect(await server.call("PATCH", at(pasted), { secret: null })).toMatchObject({ status: 422 });
  expect(await server.call("PATCH", at(pasted), { secret: null, previous_secret: null })).toMatchObject({
    status: 200,
    json: { signed: false },
  });
});

test("its URL can be changed: it stays the same drain, and another drain may have the old one", async () => {
  const { json: drain } = await add({ url: pasted, headers: { "X-Key": "1" } });
  const url = "https://example.com/new";
  expect(await server.call("PATCH", at(drain.id), { url })).toMatchObject({
    status: 200,
    json: { id: drain.id, token: drain.token, url, headers: { "X-Key": "(hidden)" } },
  });
  const { json: other } = await add({ url: pasted });
  for (const taken of [url, "", null, "ftp://example.com", "https://10.0.0.1/", "syslog://example.com"])
    expect(await server.call("PATCH", at(other.id), { url: taken, headers: { A: "b" } })).toMatchObject({
      status: 422,
      json: { id: "invalid_params" },
    });
  expect((await server.call("GET", at(other.id))).json).toEqual(other);
});

describe("the path and query of a syslog URL are kept, shown and not used, as Heroku has it", () => {
  const url = "syslog+tls://logs.example.com:6514/in/app?key=hidden-7c1f#insecure";

  test("the drain is added, listed, found and removed by its URL as it was given", async () => {
    const { status, json } = await add({ url });
    expect([status, json.url, json.format]).toEqual([201, url, "rfc5424"]);
    expect((await server.call("GET", drains)).json.map((one: { url: string }) => one.url)).toEqual([url]);
    expect((await server.call("GET", at(url))).json.id).toBe(json.id);
    expect((await server.call("DELETE", at(url))).json.id).toBe(json.id);
  });

  test("the same URL is the same drain, another path another one", async () => {
    await add({ url });
    expect((await add({ url })).status).toBe(422);
    expect((await add({ url: "syslog+tls://logs.example.com:6514/other" })).status).toBe(201);
    expect((await add({ url: "syslog+tls://logs.example.com:6514" })).status).toBe(201);
  });

  test("a key that only reads does not see them: they may hold a secret", async () => {
    await add({ url });
    const { access_token: key } = (
      await server.call("POST", "/oauth/authorizations", { apps: ["todo"], read_only: true })
    ).json;
    const { json, text } = await server.call("GET", drains, undefined, { key: key.token });
    expect(json[0].url).toBe("syslog+tls://logs.example.com:6514/…");
    expect(text).not.toContain("7c1f");
  });
});

test("a URL may name the format itself, for clients that send a URL alone", async () => {
  const { json } = await add({ url: "https://example.com/?format=ndjson" });
  expect(json.format).toBe("ndjson");
  expect((await add({ url: "syslog+tls://example.com" })).json.format).toBe("rfc5424");
});
