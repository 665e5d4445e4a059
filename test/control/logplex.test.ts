import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { ChannelId } from "../../src/core/ids.ts";
import { scanFrame } from "../../src/core/wire/frame.ts";
import { metricsRegistry } from "../../src/metrics.ts";
import { Turns } from "../../src/turns.ts";
import { ControlServer, operatorSecret } from "../support/control-server.ts";

let server: ControlServer;
beforeAll(async () => {
  server = await ControlServer.open();
});
afterEach(() => server.reset());
afterAll(() => server.close());

const channel = "/v3/channels/app-1";
const make = (tokens: unknown = ["app", "heroku"]) => server.call("PUT", channel, { tokens });
const url = "https://example.com/drain";

describe("checks come in order", () => {
  test("the method before all else", async () => {
    for (const [method, path, allow] of [
      ["POST", channel, "GET, PUT, DELETE, HEAD"],
      ["PATCH", `${channel}/drains`, "POST"],
      ["GET", `${channel}/drains/1`, "PUT, DELETE"],
      ["DELETE", `${channel}/tokens`, "GET, POST, HEAD"],
      ["PUT", `${channel}/logs`, "GET, HEAD"],
      ["GET", "/v3/sessions", "POST"],
    ] as const) {
      const answer = await server.call(method, path, "{", { key: null });
      expect(answer.status, `${method} ${path}`).toBe(405);
      expect(answer.headers.allow).toBe(allow);
    }
  });

  test("the body before the credentials", async () => {
    for (const body of ["{", "[]", '"x"', "null", '{"tokens": "app"}', '{"tokens": [1]}']) {
      expect((await server.call("PUT", channel, body, { key: null })).status, body).toBe(400);
    }
    expect(await server.call("PUT", channel, "[]")).toMatchObject({
      status: 400,
      text: '{"error":"invalid payload"}',
    });
  });

  test("the credentials before the channel", async () => {
    const answer = await server.call("GET", "/v3/channels/none", undefined, { key: "wrong" });
    expect(answer.status).toBe(401);
    expect(answer.headers["www-authenticate"]).toBe("Basic realm=Logplex");
    expect(answer.headers["request-id"]).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("the media type of a write", async () => {
    const headers = { "content-type": "text/plain" };
    expect((await server.call("PUT", channel, "{}", { headers })).status).toBe(415);
    const json = { "content-type": "application/json; charset=utf-8" };
    expect((await server.call("PUT", channel, "{}", { headers: json })).status).toBe(201);
  });
});

test("Basic id:key and anything:key are let in", async () => {
  await make();
  const { json } = await server.call("POST", "/oauth/authorizations", { apps: ["app-1"] });
  for (const pair of [`${json.id}:${json.access_token.token}`, `me:${operatorSecret}`]) {
    const headers = { authorization: `Basic ${Buffer.from(pair).toString("base64")}` };
    expect((await server.call("GET", channel, undefined, { key: null, headers })).status).toBe(200);
  }
});

test("the health check asks for no key", async () => {
  const ask = () => server.call("GET", "/v3/healthcheck", undefined, { key: null });
  expect(await ask()).toMatchObject({ status: 200, text: "OK" });
  server.reasons = ["not yet"];
  expect(await ask()).toMatchObject({ status: 503, text: "SYSTEM BOOTING" });
});

describe("channels", () => {
  test("PUT of an unknown one makes the app of that name, with these tokens alone", async () => {
    const answer = await make(["app", "heroku", "app"]);
    expect(answer.status).toBe(201);
    expect(answer.json).toEqual({
      channel: "app-1",
      tokens: { app: expect.stringMatching(/^t\.[0-9a-f-]{36}$/), heroku: expect.stringMatching(/^t\./) },
    });
    expect((await server.call("GET", "/apps/app-1")).json.name).toBe("app-1");
    expect((await server.call("GET", channel)).json).toEqual(answer.json);
  });

  test("PUT again sets the whole list: kept with their ids, made, removed", async () => {
    const before = (await make(["app", "heroku"])).json.tokens;
    const answer = await make(["app", "postgres"]);
    expect(answer.status).toBe(200);
    expect(answer.json.tokens).toEqual({ app: before.app, postgres: expect.stringMatching(/^t\./) });
    expect(await server.registry.tokens.find(before.heroku)).toBeUndefined();
    expect(await server.call("PUT", channel, {})).toMatchObject({ status: 200, text: '{"channel":"app-1"}' });
  });

  test("GET shows drains with a URL, and DELETE leaves nothing", async () => {
    await make();
    await server.call("POST", `${channel}/drains`, {});
    const { json: drain } = await server.call("POST", `${channel}/drains`, { url });
    expect((await server.call("GET", channel)).json.drains).toEqual([
      { id: drain.id, token: drain.token, url },
    ]);
    expect(await server.call("DELETE", channel)).toMatchObject({ status: 204, text: "" });
    expect((await server.call("DELETE", channel)).status).toBe(404);
    expect((await server.call("GET", channel)).status).toBe(404);
    expect((await server.call("GET", "/apps")).json).toEqual([]);
  });

  test("a name that no app can have, or a source that no token can, is 422", async () => {
    for (const name of ["App", "1", "a_b", "01234567-89ab-4cde-8f01-23456789abcd"]) {
      expect((await server.call("PUT", `/v3/channels/${name}`, {})).status, name).toBe(422);
    }
    expect((await make(["a b"])).status).toBe(422);
    expect((await server.call("GET", channel)).status).toBe(404);
  });
});

describe("drains", () => {
  beforeEach(() => make());
  const add = (body: unknown) => server.call("POST", `${channel}/drains`, body);

  test("POST answers the number and the token, and where the drain is", async () => {
    const answer = await add({ url });
    expect(answer.status).toBe(201);
    expect(answer.json).toEqual({ id: 1, token: expect.stringMatching(/^d\.[0-9a-f-]{36}$/), url });
    expect(answer.headers.location).toBe(`${server.url}${channel}/drains/1`);
    expect((await server.call("GET", "/apps/app-1/log-drains")).json[0].token).toBe(answer.json.token);
  });

  test("{} reserves, and PUT gives the URL", async () => {
    const { json, status } = await add({});
    expect(status).toBe(201);
    expect(json).toEqual({ id: 1, token: expect.stringMatching(/^d\./) });
    const put = await server.call("PUT", `${channel}/drains/1`, { url });
    expect(put).toMatchObject({ status: 200, json: { id: 1, token: json.token, url } });
    expect(put.headers.location).toBeUndefined();
    expect((await server.call("GET", "/apps/app-1/log-drains")).json).toHaveLength(1);
  });

  test("the same URL is 409, a seventh drain 422, both in logplex's words", async () => {
    for (let n = 0; n < 6; n++) expect((await add({ url: `${url}${n}` })).status).toBe(201);
    expect(await add({ url: `${url}0` })).toMatchObject({ status: 409, json: { error: "Already exists" } });
    expect(await add({ url })).toMatchObject({
      status: 422,
      json: { error: "maximum number of drains reached" },
    });
    expect((await add({})).status).toBe(201);
    const taken = await server.call("PUT", `${channel}/drains/2`, { url: `${url}0` });
    expect(taken.status).toBe(409);
  });

  test.each([
    { url: "nonsense" },
    { url: 5 },
    { url: null },
    { url: "ftp://example.com" },
    { url: "https://192.168.0.1/" },
  ])("%j is 400", async (body) => {
    expect((await add(body)).status).toBe(400);
    expect((await server.call("GET", channel)).json.drains).toBeUndefined();
  });

  test("DELETE is 204 once, and 404 for what is not there or of another channel", async () => {
    await add({ url });
    await server.call("PUT", "/v3/channels/app-2", {});
    expect((await server.call("DELETE", "/v3/channels/app-2/drains/1")).status).toBe(404);
    expect((await server.call("DELETE", `${channel}/drains/1`)).status).toBe(204);
    for (const number of ["1", "x", "99999999999999999999", "-1"]) {
      expect((await server.call("DELETE", `${channel}/drains/${number}`)).status).toBe(404);
      expect((await server.call("PUT", `${channel}/drains/${number}`, { url })).status).toBe(404);
    }
    expect((await server.call("PUT", `${channel}/drains/1`, {})).status).toBe(400);
    expect((await server.call("POST", "/v3/channels/none/drains", { url })).status).toBe(404);
  });
});

test("tokens come with the URL to send to, when the server was told it", async () => {
  const knowing = await ControlServer.open({
    registry: server.registry,
    ingestUrl: "https://in.example.com/logs-of",
  });
  await make();
  const { json } = await knowing.call("GET", `${channel}/tokens`);
  expect(json.map(({ url }: { url: string }) => url)).toEqual(
    json.map(({ token }: { token: string }) => `https://token:${token}@in.example.com/logs-of/logs`),
  );
  const made = await knowing.call("POST", `${channel}/tokens`, { name: "worker" });
  expect(made.json.url).toContain(made.json.token);
  for (const one of (await server.call("GET", `${channel}/tokens`)).json)
    expect(one).not.toHaveProperty("url");
  await knowing.server.close();
});

test("a list of more tokens than an app may have changes nothing", async () => {
  const many = Array.from({ length: 101 }, (_, n) => `source-${n}`);
  expect(await make(many)).toMatchObject({ status: 422, json: { id: "invalid_params" } });
  expect((await server.call("GET", channel)).status).toBe(404);
  const before = (await make()).json;
  expect((await make(many)).status).toBe(422);
  expect((await server.call("GET", channel)).json).toEqual(before);
  expect((await make(many.slice(1))).status).toBe(200);
});

test("a token has a second spelling, and marks that it was made with", async () => {
  await make();
  const tokens = `${channel}/tokens`;
  const marked = { keep_hostname: true, keep_source: true };
  const made = await server.call("POST", tokens, { name: "boxes", ...marked });
  expect(made.json).toMatchObject({
    name: "boxes",
    ...marked,
    syslog_tag: expect.stringMatching(/^t[0-9a-f]{31}$/),
  });
  const bare = await server.call("POST", tokens, { name: "bare", keep_source: false });
  expect(bare.json).not.toHaveProperty("keep_source");
  expect((await server.call("GET", tokens)).json).toEqual(expect.arrayContaining([made.json, bare.json]));
  expect(await server.registry.tokens.find(made.json.token)).toMatchObject({
    keepHostname: true,
    keepSource: true,
  });
  expect((await server.call("POST", tokens, { name: "x", keep_source: "yes" })).status).toBe(400);
});

test("tokens: made with 200, listed, removed", async () => {
  await make([]);
  const tokens = `${channel}/tokens`;
  const made = await server.call("POST", tokens, { name: "worker" });
  expect(made).toMatchObject({ status: 200, json: { name: "worker", token: expect.stringMatching(/^t\./) } });
  expect((await server.call("GET", tokens)).json).toEqual([made.json]);
  expect((await server.call("DELETE", `${tokens}/${made.json.token}`)).status).toBe(204);
  expect((await server.call("DELETE", `${tokens}/${made.json.token}`)).status).toBe(404);
  for (const body of [{}, { name: "" }, { name: 5 }])
    expect((await server.call("POST", tokens, body)).status).toBe(400);
  expect((await server.call("POST", "/v3/channels/none/tokens", { name: "x" })).status).toBe(404);
});

describe("logs", () => {
  let id: ChannelId;
  beforeEach(async () => {
    await make();
    id = (await server.registry.apps.get("app-1"))!.id;
  });
  const logs = (query = "") => server.call("GET", `${channel}/logs${query}`);
  const framesIn = (text: string): string[] => {
    const bytes = Buffer.from(text);
    const frames: string[] = [];
    for (let at = 0; at < bytes.length; ) {
      const scan = scanFrame(bytes, at, 1_000_000);
      if (scan.kind !== "frame") throw new Error("no frame");
      frames.push(bytes.toString("utf8", scan.start, scan.end));
      at = scan.end;
    }
    return frames;
  };

  test("are frames with a newline that each counts, the newest, oldest first", async () => {
    await server.registry.write(id, 5, { text: "ü" });
    await server.registry.write(id, 5, { text: "b" });
    const answer = await logs("?num=7");
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({
      "content-type": "application/logplex-1",
      "logplex-msg-count": "7",
      connection: "close",
    });
    const head = "<190>1 2026-01-02T03:04:05.000006+00:00 host app web.1 - ";
    const texts = ["ü 3", "ü 4", "b 0", "b 1", "b 2", "b 3", "b 4"];
    expect(framesIn(answer.text).slice(-7)).toEqual(texts.slice(-7).map((text) => `${head}${text}\n`));
  });

  test("lines with structured data come without it, as a drain has them", async () => {
    const frame = '<190>1 2026-01-02T03:04:05.000006+00:00 host app web.1 ID7 [a b="c"] hello\n';
    await server.registry.log.append(id, {
      bytes: Buffer.from(`${frame.length} ${frame}`),
      count: 1,
      form: "rfc5424",
      producer: "p" as never,
      firstLine: 0,
      acceptedAtMs: 0,
    });
    const expected = "<190>1 2026-01-02T03:04:05.000006+00:00 host app web.1 - hello\n\n";
    expect(framesIn((await logs()).text)).toEqual([expected]);
  });

  test.each([
    ["", 100],
    ["?num=many", 100],
    ["?num=-1", 100],
    ["?num=0", 0],
    ["?num=120", 120],
    ["?num=99999", 150],
  ])("num %j of 150 lines is %i", async (query, count) => {
    await server.registry.write(id, 150);
    const answer = await logs(query);
    expect(answer.headers["logplex-msg-count"]).toBe(String(count));
    expect(framesIn(answer.text)).toHaveLength(count);
  });

  test("of a key that is revoked while they wait for their turn are refused, and not none of 5", async () => {
    await server.registry.write(id, 5);
    const made = await server.registry.keys.create({ apps: [id], readOnly: true, description: "" });
    vi.spyOn(Turns.prototype, "isOver", "get").mockReturnValue(true);
    vi.spyOn(Turns.prototype, "next").mockImplementation(async (group) => {
      if (group === id) await server.registry.keys.revoke(made.record.id);
      for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
    });
    const answer = await server.call("GET", `${channel}/logs`, undefined, { key: made.secret });
    vi.restoreAllMocks();
    expect(answer.status).toBe(401);
  });

  test("of a log that cannot be read are 500 in logplex's words", async () => {
    const failing = vi.spyOn(server.registry.log, "recent").mockRejectedValue(new Error("broken"));
    expect(await logs()).toMatchObject({ status: 500, text: '{"error":"failed to fetch channel logs"}' });
    expect(await metricsRegistry.metrics()).toContain('background_failures_total{work="history"} 1');
    failing.mockRestore();
  });
});

describe("sessions", () => {
  beforeEach(() => make());
  const ask = (body: unknown) => server.call("POST", "/v3/sessions", body);

  test("are an address; the key tail tails, whatever it is; numbers are texts", async () => {
    for (const [body, spec] of [
      [{}, { lines: 100, tail: false, filter: {} }],
      [
        { num: "5", tail: false, source: "app", ps: "web" },
        { lines: 5, tail: true, filter: { sources: ["app"], dynos: ["web"] } },
      ],
      [{ num: 7 }, { lines: 7, tail: false }],
      [{ num: "5000" }, { lines: 1_500 }],
    ] as const) {
      const answer = await ask({ channel_id: "app-1", ...body });
      expect(answer.status).toBe(201);
      expect(Object.keys(answer.json)).toEqual(["url"]);
      expect(answer.headers.location).toBe(answer.json.url);
      const session = answer.json.url.replace(`${server.url}/sessions/`, "");
      expect(server.sessions.read(session, { resuming: false })).toMatchObject(spec);
    }
  });

  test("of an unknown channel are 422, of a bad body 400", async () => {
    expect(await ask({ channel_id: "none" })).toMatchObject({
      status: 422,
      text: '{"error":"channel not found"}',
    });
    for (const body of [
      {},
      { channel_id: 5 },
      { channel_id: "app-1", num: "x" },
      { channel_id: "app-1", ps: 5 },
      "{",
    ]) {
      expect((await ask(body)).status).toBe(400);
    }
  });
});
