/** Heroku's other clients: heroku-client as it is published, Terraform's provider and heroku3 by their recorded calls. */
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { shuttleFrame } from "../support/frames.ts";
import { recording, replay } from "../support/recorded-calls.ts";
import { stores, TestServer, testKey } from "../support/server.ts";

let server: TestServer;

const basic = (user: string): string => `Basic ${Buffer.from(`${user}:${testKey}`).toString("base64")}`;

async function send(token: string, message: string): Promise<void> {
  const response = await fetch(`${server.url}/logs`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/logplex-1" },
    body: new Uint8Array(shuttleFrame(message, { process: "web.1" })),
  });
  expect(response.status).toBe(204);
}

/** The part of its interface that is used here. */
type Client = {
  get<Answer>(path: string, options?: object): Promise<Answer>;
  post<Answer>(path: string, options?: object): Promise<Answer>;
  patch<Answer>(path: string, options?: object): Promise<Answer>;
  delete<Answer>(path: string, options?: object): Promise<Answer>;
};
type Named = { readonly id: string; readonly name: string; readonly url: string; readonly token: string };

describe.each(stores)("over %s,", (store) => {
  beforeAll(async () => {
    server = await TestServer.startOn(store);
  });
  afterAll(() => server.destroy());

  describe("calls that were recorded", () => {
    test.each([
      ["terraform", "me@example.com"],
      ["heroku3", ""],
    ] as const)("of %s are answered as it reads them", async (name, user) => {
      const recorded = recording(name);
      const kept = new Map<string, string>();
      const wrong: string[] = [];
      for (const call of recorded.calls)
        wrong.push(...(await replay(recorded, call, server.url, kept, basic(user))));
      expect(wrong).toEqual([]);
      expect(recorded.calls.length).toBeGreaterThan(15);
    });

    test("of heroku3 end in a stream that it reads as text, without a key", async () => {
      const { tokens } = await server.createApp("streamed");
      await send(tokens.app!, "one line");
      const recorded = recording("heroku3");
      const call = recorded.calls.find((one) => one.call === "get_app_log('py')")!;
      const kept = new Map<string, string>();
      const there = { ...call, path: "/apps/streamed/log-sessions" };
      expect(await replay(recorded, there, server.url, kept, basic(""))).toEqual([]);
      const stream = await fetch(kept.get("stream")!, { headers: { accept: "*/*" } });
      expect(stream.headers.get("content-type")).toMatch(/^text\/plain/);
      expect(await stream.text()).toMatch(/^\S+ app\[web\.1\]: one line\n$/);
    });
  });

  describe("heroku-client, unmodified", () => {
    const published = new URL("../heroku/node_modules/heroku-client/lib/index.js", import.meta.url);
    const load = createRequire(published);
    const client = (token = testKey): Client => {
      const Heroku = load(fileURLToPath(published)) as new (options: object) => Client;
      return new Heroku({ token, host: server.url });
    };

    test("makes an app, its drain and its config vars, and removes them", async () => {
      const heroku = client();
      const app = await heroku.post<Named>("/apps", { body: { name: "by-client" } });
      expect((await heroku.get<Named[]>("/apps")).map(({ name }) => name)).toContain("by-client");
      const url = "https://logs.example.com/by-client?x=1";
      const drain = await heroku.post<Named>(`/apps/${app.id}/log-drains`, { body: { url } });
      expect(drain).toMatchObject({ url, token: expect.stringMatching(/^d\./) });
      expect(await heroku.get(`/apps/by-client/log-drains/${encodeURIComponent(url)}`)).toMatchObject({
        id: drain.id,
      });
      expect(await heroku.patch("/apps/by-client/config-vars", { body: { A: "1" } })).toEqual({ A: "1" });
      expect(
        await heroku.get("/apps/by-client/releases", { headers: { Range: "version ..; order=desc,max=1" } }),
      ).toHaveLength(1);
      expect(await heroku.delete(`/apps/by-client/log-drains/${drain.id}`)).toMatchObject({ url });
      expect(await heroku.delete("/apps/by-client")).toMatchObject({ name: "by-client" });
    });

    test("opens a session, and is told of failures in their form", async () => {
      const heroku = client();
      const { tokens } = await server.createApp("read-by-client");
      await send(tokens.app!, "for the client");
      const session = await heroku.post<{ logplex_url: string }>("/apps/read-by-client/log-sessions", {
        body: { lines: 10 },
      });
      expect(await (await fetch(session.logplex_url)).text()).toContain("app[web.1]: for the client");
      await expect(heroku.get("/apps/nobody")).rejects.toMatchObject({
        statusCode: 404,
        body: { id: "not_found" },
      });
      await expect(heroku.get("/apps/read-by-client/webhooks")).rejects.toMatchObject({
        statusCode: 422,
        body: { message: expect.stringContaining("has no meaning on tailrace") },
      });
      await expect(client("nobody's").get("/account")).rejects.toMatchObject({ statusCode: 401 });
    });
  });
});
