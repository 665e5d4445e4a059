import { afterAll, beforeAll, expect, test } from "vitest";
import { ControlServer } from "../support/control-server.ts";

let server: ControlServer;
beforeAll(async () => {
  server = await ControlServer.open();
});
afterAll(() => server.close());

const get = (query: string) => server.call("GET", `/apps/todo/log-histogram${query}`);

test("an app's lines over time: how many of each grade, and where they are", async () => {
  await server.call("POST", "/apps", { name: "todo" });
  const empty = await get("");
  expect(empty.json).toEqual({
    step_seconds: 1,
    bins: [],
    first_line: 0,
    end_line: 0,
    dynos: [],
    complete: true,
  });

  const { json: app } = await server.call("GET", "/apps/todo");
  await server.registry.write(app.id, 3, { text: "fine" });
  await server.registry.write(app.id, 2, { text: "ERROR no" });
  const { json } = await get("");
  expect(json).toMatchObject({ first_line: 0, end_line: 5, dynos: ["web.1"], complete: true });
  const sum = (grade: string) =>
    json.bins.reduce((all: number, bin: Record<string, number>) => all + bin[grade]!, 0);
  expect([sum("error"), sum("warn"), sum("info"), sum("debug")]).toEqual([2, 0, 3, 0]);
  expect(json.bins[0]).toMatchObject({ first_line: 0, position: expect.stringMatching(/^\d+\.0\./) });
});

test("the fields of sessions choose lines here, too", async () => {
  expect((await get("?match=ERROR&source=app&source=heroku&span=1h")).json).toMatchObject({ end_line: 5 });
  const { json } = await get("?source=heroku");
  expect(json.bins).toEqual([]);
});

test.each(["?span=soon", "?span=2026-01-02T03:04:05Z", "?level=loud", "?match=("])(
  "%s is refused with what to write",
  async (query) => {
    const { status, json } = await get(query);
    expect(status).toBe(422);
    expect(json.message).toMatch(/span|level|match/);
  },
);
