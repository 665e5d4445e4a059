import { afterAll, beforeAll, expect, test } from "vitest";
import { ControlServer, TestRegistry } from "../support/control-server.ts";
import { FakeClock } from "../support/fake-clock.ts";

let clock: FakeClock;
let server: ControlServer;
beforeAll(async () => {
  clock = new FakeClock();
  server = await ControlServer.open({ registry: await TestRegistry.open({ clock }) });
});
afterAll(() => server.close());

const summary = async (app: string) => (await server.call("GET", `/apps/${app}/log-summary`)).json;

test("an app without a line has nothing to tell", async () => {
  await server.call("POST", "/apps", { name: "quiet" });
  expect(await summary("quiet")).toMatchObject({
    end_line: 0,
    oldest: null,
    newest: null,
    recent: { seconds: 60, lines: 0, errors: 0 },
    drains: { idle: 0, delivering: 0, retrying: 0, paused: 0, tests_failed: 0, lag_lines: 0 },
  });
});

test("an app is told by its pace, its oldest and its newest line, and its drains", async () => {
  const { json: app } = await server.call("POST", "/apps", { name: "todo" });
  await server.registry.write(app.id, 3, { text: "early" });
  await clock.advance(120_000);
  await server.registry.write(app.id, 40, { text: "late" });
  const { json: drain } = await server.call("POST", "/apps/todo/log-drains", {
    url: "https://example.com/",
    since: "1h",
  });
  const record = (await server.registry.drains.find(drain.id))!;
  await server.registry.drains.keepTest(record, { kind: "retry", reason: "refused" });
  expect((await summary("todo")).drains).toMatchObject({ delivering: 1, tests_failed: 1 });
  await server.call("POST", `/apps/todo/log-drains/${drain.id}/actions/pause`);
  const reply = await summary("todo");
  expect(reply).toMatchObject({
    end_line: 43,
    oldest: { line: 0 },
    recent: { seconds: 60, lines: 40, errors: 0 },
    newest: { source: "app", dyno: "web.1", severity: "info", message: "late 39" },
    drains: { paused: 1, retrying: 0, tests_failed: 0, lag_lines: 43 },
  });
  expect(Date.parse(reply.newest.accepted_at) - Date.parse(reply.oldest.accepted_at)).toBe(120_000);
});

test("where the newest lines do not reach back a minute, it says how far they do", async () => {
  const { json: app } = await server.call("POST", "/apps", { name: "fast" });
  for (let n = 0; n < 5; n++) {
    await server.registry.write(app.id, 500);
    await clock.advance(2_000);
  }
  const { recent } = await summary("fast"); // the ring of this server holds 1,500
  expect(recent).toMatchObject({ lines: 1_500, seconds: 6 });
});

test("errors of the last minute are those that lines say themselves, whatever severity they came with", async () => {
  const { json: app } = await server.call("POST", "/apps", { name: "errors" });
  const texts = [
    '{"level":"error","msg":"no"}',
    "level=fatal msg=no",
    "Error R14 (Memory quota exceeded)",
    'at=error code=H12 desc="Request timeout" status=503',
    'at=info method=GET path="/" status=500 bytes=1',
    'at=info method=GET path="/" status=404 bytes=1',
    '{"level":"info","msg":"no error"}',
    "fine",
  ];
  for (const text of texts) await server.registry.write(app.id, 1, { text });
  expect((await summary("errors")).recent).toMatchObject({ lines: 8, errors: 5 });
  expect((await summary("errors")).recent).toMatchObject({ errors: 5 });
});
