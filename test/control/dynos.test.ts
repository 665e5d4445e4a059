/** What is wanted of an app's dynos, and what its runner tells: over the API, as Heroku's clients and `up` call it. */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { platformParts } from "../../src/control/platform/platform-parts.ts";
import { platformLimits } from "../../src/registry/platform/limits.ts";
import { Platforms } from "../../src/registry/platform/platforms.ts";
import { ControlServer, TestRegistry } from "../support/control-server.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { until } from "../support/until.ts";

const clock = new FakeClock();
let server: ControlServer;
beforeAll(async () => {
  server = await ControlServer.open({ registry: await TestRegistry.open({ clock }) });
});
afterEach(async () => {
  vi.restoreAllMocks();
  await server.reset();
});
afterAll(() => server.close());

const call = async (method: string, path: string, body?: unknown, headers?: Record<string, string>) => {
  const answer = await server.call(method, `/apps/shop${path}`, body, headers && { headers });
  return { ...answer.json, list: answer.json, status: answer.status };
};

const id = "01234567-89ab-4cde-8f01-23456789abcd";
const other = "11234567-89ab-4cde-8f01-23456789abcd";
const at = "2026-11-28T16:00:00Z";
const dyno = (name: string, more: object = {}) => ({
  id,
  name,
  type: name.split(".")[0]!,
  state: "up",
  command: "node web.js",
  size: "Standard-1X",
  release: 1,
  createdAt: at,
  updatedAt: at,
  ...more,
});

async function deployed(processTypes: object = { web: "node web.js", worker: "node worker.js" }) {
  await server.call("POST", "/apps", { name: "shop" });
  return call("POST", "/releases", { description: "Deploy 1a2b3c4d", process_types: processTypes });
}
const reported = (...dynos: object[]) => call("PUT", "/runner", { id, host: "box", pid: 7, dynos });

/** The messages of the app's log. */
async function messages(): Promise<string[]> {
  const app = await server.registry.apps.get("shop");
  const { batches } = await server.registry.log.recent(app!.id, 1_000);
  const text = batches.map(({ bytes }) => Buffer.from(bytes).toString()).join("");
  return [...text.matchAll(/host (.*)\n/g)].map((match) => match[1]!);
}

describe("a release", () => {
  test("is made by a deploy, which brings one dyno of each new process type", async () => {
    expect(await deployed()).toMatchObject({ status: 201, version: 1, current: true });
    const { list } = await call("GET", "/formation");
    expect(list).toMatchObject([
      { type: "web", quantity: 1, size: "Standard-1X", command: "node web.js", app: { name: "shop" } },
      { type: "worker", quantity: 1 },
    ]);
    expect(await messages()).toEqual([
      "app api - Deploy 1a2b3c4d by user operator@localhost",
      "app api - Release v1 created by user operator@localhost",
    ]);
  });

  test("keeps the numbers of dynos, brings new commands, and drops types that are gone", async () => {
    await deployed();
    await call("PATCH", "/formation", { updates: [{ type: "web", quantity: 3, size: "2x" }] });
    await call("POST", "/releases", { process_types: { web: "node new.js", clock: "node clock.js" } });
    expect((await call("GET", "/formation")).list).toMatchObject([
      { type: "web", quantity: 3, size: "Standard-2X", command: "node new.js" },
      { type: "clock", quantity: 1 },
    ]);
  });

  test("that is pending is not in force before its release line has ended", async () => {
    await deployed();
    const { version } = await call("POST", "/releases", { process_types: { web: "x" }, status: "pending" });
    expect((await call("GET", "/runner/wanted")).release).toBe(1);
    await call("PATCH", `/releases/${version}`, { status: "succeeded" });
    expect((await call("GET", "/runner/wanted")).release).toBe(2);
    await call("POST", "/releases", { process_types: { web: "y" }, status: "pending" });
    await call("PATCH", "/releases/v3", { status: "failed" });
    expect((await call("GET", "/runner/wanted")).release).toBe(2);
    expect(await call("GET", "/releases/3")).toMatchObject({ status: 200, current: false });
    expect((await messages()).at(-1)).toBe("app api - Release v3 command failed");
  });

  test("is listed newest first where Range asks for it; the oldest are dropped", async () => {
    await deployed();
    for (let n = 0; n < platformLimits.releasesMax; n++)
      await call("PATCH", "/config-vars", { N: String(n) });
    expect((await call("GET", "/releases")).list).toHaveLength(platformLimits.releasesMax);
    const newest = await call("GET", "/releases", undefined, { range: "version ..; order=desc,max=1" });
    expect(newest.list).toMatchObject([
      { version: platformLimits.releasesMax + 1, description: "Set N config vars" },
    ]);
    expect(await call("GET", "/releases/1")).toMatchObject({ status: 404 });
  });

  test("of an older state cannot be made: that is said", async () => {
    await deployed();
    expect(await call("POST", "/releases", { release: "1" })).toMatchObject({
      status: 422,
      code: "NO_MEANING_HERE",
    });
  });
});

describe("scaling", () => {
  test.each([
    [{ updates: [{ type: "web", quantity: 3 }] }, "web@3:Standard-1X worker@1:Standard-1X"],
    [{ updates: [{ type: "web", quantity: "+2" }] }, "web@3:Standard-1X worker@1:Standard-1X"],
    [{ updates: [{ type: "web", quantity: "-5" }] }, "web@0:Standard-1X worker@1:Standard-1X"],
    [
      {
        updates: [
          { type: "web", size: { name: "Performance-M" } },
          { type: "worker", quantity: "4" },
        ],
      },
      "web@1:Performance-M worker@4:Standard-1X",
    ],
  ])("%j is told as Heroku tells it", async (body, words) => {
    await deployed();
    expect((await call("PATCH", "/formation", body)).status).toBe(200);
    expect((await messages()).at(-1)).toBe(`app api - Scaled to ${words} by user operator@localhost`);
  });

  test.each([
    [{ updates: [{ type: "clock", quantity: 1 }] }, 404, "PROCESS_TYPE_UNKNOWN"],
    [{ updates: [{ type: "web", quantity: 101 }] }, 422, "FORMATION_INVALID"],
    [{ updates: [{ type: "web", quantity: "many" }] }, 422, "FORMATION_INVALID"],
    [
      {
        updates: [
          { type: "web", quantity: 2 },
          { type: "web", size: "Huge" },
        ],
      },
      422,
      "FORMATION_INVALID",
    ],
    [{}, 422, "PARAMS_INVALID"],
  ])("%j changes nothing", async (body, status, code) => {
    await deployed();
    expect(await call("PATCH", "/formation", body)).toMatchObject({ status, code });
    expect((await call("GET", "/formation/web")).quantity).toBe(1);
  });
});

describe("config vars", () => {
  test("are set and removed by a release, and no value is in the log", async () => {
    await deployed();
    const set = await call("PATCH", "/config-vars", { KEY: "hush-hush", PLAIN: "x" });
    expect(set.list).toEqual({ KEY: "hush-hush", PLAIN: "x" });
    await call("PATCH", "/config-vars", { PLAIN: null, KEY: "hush-again" });
    expect((await call("GET", "/config-vars")).list).toEqual({ KEY: "hush-again" });
    expect((await messages()).slice(2)).toEqual([
      "app api - Set KEY, PLAIN config vars by user operator@localhost",
      "app api - Release v2 created by user operator@localhost",
      "app api - Set KEY config vars and Remove PLAIN config vars by user operator@localhost",
      "app api - Release v3 created by user operator@localhost",
    ]);
  });

  test("that stay as they are make no release", async () => {
    await deployed();
    await call("PATCH", "/config-vars", { A: "1" });
    await call("PATCH", "/config-vars", { A: "1" });
    expect((await call("GET", "/releases")).list).toHaveLength(2);
  });

  test.each([
    [{ "A B": "x" }],
    [{ "1A": "x" }],
    [{ "A\nFORGED": "x" }],
    [{ A: {} }],
    [{ A: "x\u0000y" }],
    [{ A: "x".repeat(33_000) }],
  ])("%j are refused whole", async (changes) => {
    await deployed();
    expect(await call("PATCH", "/config-vars", { FINE: "1", ...changes })).toMatchObject({ status: 422 });
    expect((await call("GET", "/config-vars")).list).toEqual({});
  });
});

describe("a runner", () => {
  test("tells its dynos, which are shown by name and number", async () => {
    await deployed();
    await reported(
      dyno("worker.1", { state: "crashed" }),
      dyno("web.10"),
      dyno("web.9"),
      dyno("web.1", { state: "starting" }),
    );
    const { list } = await call("GET", "/dynos");
    expect(list).toMatchObject([
      { name: "web.1", type: "web", state: "starting", release: { version: 1 }, app: { name: "shop" } },
      { name: "web.9", state: "up" },
      { name: "web.10" },
      { name: "worker.1", state: "crashed" },
    ]);
  });

  test("that falls silent has its dynos down, once and in the log, and they are back when it is", async () => {
    await deployed();
    const dynos = [dyno("run.1234"), dyno("web.1"), dyno("worker.1", { state: "crashed" })];
    await reported(...dynos);
    await clock.advance(platformLimits.silentMsMax - 1);
    expect((await call("GET", "/dynos")).list).toMatchObject(dynos.map(({ state }) => ({ state })));
    await reported(...dynos);
    await clock.advance(platformLimits.silentMsMax - 1);
    expect(await messages()).toHaveLength(2);
    await clock.advance(2 * platformLimits.silenceLookMs);
    const downLines = [
      'heroku up - "tailrace up" (process 7 on box) was not heard of for 15 seconds: its dynos are down',
      "heroku run.1234 - State changed from up to down",
      "heroku web.1 - State changed from up to down",
      "heroku worker.1 - State changed from crashed to down",
    ];
    await until(async () => (await messages()).length === 2 + downLines.length);
    expect((await messages()).slice(2)).toEqual(downLines);
    expect((await call("GET", "/dynos")).list).toMatchObject([
      { name: "web.1", state: "down" },
      { name: "worker.1", state: "down" },
    ]);
    expect((await call("GET", "/runner")).list).toEqual([]);
    expect(await call("DELETE", "/dynos")).toMatchObject({ status: 422, code: "NO_RUNNER" });
    await clock.advance(10 * platformLimits.silentMsMax);
    expect(await messages()).toHaveLength(2 + downLines.length);
    await reported(dyno("web.1"), dyno("worker.1", { state: "down" }));
    expect((await messages()).slice(2 + downLines.length)).toEqual([
      'heroku up - "tailrace up" (process 7 on box) is heard of again, and so are its dynos',
      "heroku web.1 - State changed from down to up",
    ]);
    expect((await call("GET", "/dynos")).list).toMatchObject([{ state: "up" }, { state: "down" }]);
  });

  test("is silent for as long as each node has seen it so, and is told of by one of them", async () => {
    await deployed();
    await reported(dyno("web.1"));
    await clock.advance(platformLimits.silentMsMax - platformLimits.silenceLookMs);
    const second = platformParts({
      ...server.registry,
      logger: { warn: () => {} },
      watchesRunners: true,
      append: async () => {
        throw new Error("told twice");
      },
    });
    clock.jump(24 * 3_600_000); // a clock that is set is no silence
    await clock.advance(platformLimits.silentMsMax - 2 * platformLimits.silenceLookMs);
    await until(async () => (await messages()).length === 4);
    await clock.advance(2 * platformLimits.silentMsMax);
    await second.close();
    expect(await messages()).toHaveLength(4);
  });

  test("keeps others away while it is there, unless one found it dead", async () => {
    await deployed();
    await reported();
    const second = { id: other, host: "box", pid: 8, dynos: [] };
    expect(await call("PUT", "/runner", second)).toMatchObject({ status: 409, code: "RUNNER_PRESENT" });
    expect(await call("PUT", "/runner", { ...second, replaces: id })).toMatchObject({ status: 200 });
    expect((await messages()).at(-1)).toBe(
      'heroku up - "tailrace up" (process 7 on box) has ended: its dynos are down',
    );
    expect((await call("GET", "/runner")).list).toEqual([{ id: other, host: "box", pid: 8 }]);
    await call("DELETE", `/runner?id=${id}`); // too late: it is not its turn any more
    expect((await call("GET", "/runner")).list).toHaveLength(1);
    await call("DELETE", `/runner?id=${other}`);
    expect((await call("GET", "/runner")).list).toEqual([]);
  });

  test("hears of a change while it waits, and of one that came before", async () => {
    await deployed();
    const { revision } = await call("GET", "/runner/wanted");
    const waiting = call("GET", `/runner/wanted?after=${revision}`);
    await call("PATCH", "/formation/web", { quantity: 2 });
    const heard = await waiting;
    expect(heard.formation[0]).toMatchObject({ type: "web", quantity: 2, memory_mb: 512 });
    expect(await call("GET", `/runner/wanted?after=${revision}`)).toMatchObject({ revision: heard.revision });
  });

  test("is answered after its time when nothing changes", async () => {
    await deployed();
    const { revision } = await call("GET", "/runner/wanted");
    expect(await call("GET", `/runner/wanted?after=${revision}&seconds=1`)).toMatchObject({ revision });
  });

  test("is told that the app is gone, while it waits too", async () => {
    await deployed();
    const { revision } = await call("GET", "/runner/wanted");
    const changed = vi.spyOn(Platforms.prototype, "changed");
    const waiting = call("GET", `/runner/wanted?after=${revision}`);
    await until(() => changed.mock.calls.length > 0);
    await server.call("DELETE", "/apps/shop");
    expect((await waiting).status).toBe(404);
    expect((await reported()).status).toBe(404);
  });

  test("whose key is revoked while it waits is told nothing more", async () => {
    await deployed();
    const { json } = await server.call("POST", "/oauth/authorizations", { apps: ["shop"] });
    const { revision } = await call("GET", "/runner/wanted");
    const path = `/apps/shop/runner/wanted?after=${revision}`;
    const changed = vi.spyOn(Platforms.prototype, "changed");
    const waiting = server.call("GET", path, undefined, { key: json.access_token.token });
    await until(() => changed.mock.calls.length > 0);
    await server.call("DELETE", `/oauth/authorizations/${json.id}`);
    await call("PATCH", "/config-vars", { SECRET: "hush" });
    const answer = await waiting;
    expect(answer.status).toBe(401);
    expect(answer.text).not.toContain("hush");
  });

  test("may wait in ten requests at a time; one more is told to come back", async () => {
    await deployed();
    const { revision } = await call("GET", "/runner/wanted");
    const path = `/runner/wanted?after=${revision}`;
    const waiting = Array.from({ length: platformLimits.appWaitersMax + 1 }, () => call("GET", path));
    const refused = await Promise.race(waiting);
    expect(refused).toMatchObject({ status: 503, code: "RUNNERS_FULL" });
    await call("PATCH", "/formation/web", { quantity: 2 });
    expect((await Promise.all(waiting)).filter(({ status }) => status === 200)).toHaveLength(10);
  });
});

describe("orders", () => {
  const orders = async () => (await call("GET", "/runner/wanted")).orders;

  test.each([
    ["DELETE", "/dynos", { kind: "restart" }],
    ["DELETE", "/dynos/web.1", { kind: "restart", target: "web.1" }],
    ["DELETE", "/dynos/web", { kind: "restart", target: "web" }],
    ["DELETE", "/formations/web", { kind: "restart", target: "web" }],
    ["POST", "/dynos/web.1/actions/stop", { kind: "stop", target: "web.1" }],
    ["POST", "/dynos/web/actions/stop", { kind: "stop", target: "web" }],
    ["POST", "/formations/web/actions/stop", { kind: "stop", target: "web" }],
  ])("%s %s reaches the runner", async (method, path, order) => {
    await deployed();
    await reported(dyno("web.1"));
    expect(await call(method, path)).toMatchObject({ status: 202 });
    expect(await orders()).toMatchObject([order]);
  });

  test("to run a command bring a dyno with a name, size and environment", async () => {
    await deployed();
    await reported();
    const body = { command: "node job.js", env: { A: "1" }, size: "standard-2x", attach: false };
    const made = await call("POST", "/dynos", body);
    expect(made).toMatchObject({ status: 201, type: "run", state: "starting", size: "Standard-2X" });
    const [order] = await orders();
    expect(order).toMatchObject({ kind: "run", dyno: made.name, env: { A: "1" }, memory_mb: 1024 });
    expect(made.name).toMatch(/^run\.[0-9]{4}$/);
  });

  test.each([
    ["DELETE", "/dynos", undefined, 422, "NO_RUNNER"],
    ["POST", "/dynos", { command: "ls" }, 422, "NO_RUNNER"],
    ["POST", "/dynos", { command: "ls", attach: true }, 422, "NO_ATTACHED_RUN"],
  ])("%s %s %j without a runner says what to do", async (method, path, body, status, code) => {
    await deployed();
    expect(await call(method, path, body)).toMatchObject({ status, code });
    expect(await orders()).toEqual([]);
  });

  test.each([
    ["DELETE", "/dynos/web.9", 404, "DYNO_UNKNOWN"],
    ["DELETE", "/dynos/nothing", 404, "PROCESS_TYPE_UNKNOWN"],
    ["DELETE", "/formations/nope", 404, "PROCESS_TYPE_UNKNOWN"],
    ["POST", "/formations/nope/actions/stop", 404, "PROCESS_TYPE_UNKNOWN"],
  ])("%s %s of what is not there are refused", async (method, path, status, code) => {
    await deployed();
    await reported(dyno("web.1"));
    expect(await call(method, path)).toMatchObject({ status, code });
  });

  test("are kept, the newest fifty", async () => {
    await deployed();
    await reported(dyno("web.1"));
    for (let n = 0; n < platformLimits.ordersMax + 3; n++) await call("DELETE", "/dynos/web.1");
    const kept = await orders();
    expect(kept).toHaveLength(platformLimits.ordersMax);
    expect(kept.at(-1).number - kept[0].number).toBe(platformLimits.ordersMax - 1);
  });
});

test("nothing is left of an app that is destroyed", async () => {
  await deployed();
  await reported(dyno("web.1"));
  await call("PATCH", "/config-vars", { SECRET: "hush" });
  await server.call("DELETE", "/apps/shop");
  const left: string[] = [];
  for (const prefix of ["platform/", "runner/"])
    for await (const { key } of server.registry.store.list(prefix)) left.push(key);
  expect(left).toEqual([]);
});
