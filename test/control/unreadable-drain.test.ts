/** A drain whose record another version of the program wrote can be removed by its owner, and by nobody else. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { drainKey } from "../../src/core/records/record-keys.ts";
import { CheckedStore } from "../../src/registry/checked-store.ts";
import { replaceRecord } from "../../src/registry/update.ts";
import { ControlServer, TestRegistry } from "../support/control-server.ts";

let bare: TestRegistry;
let server: ControlServer;
beforeAll(async () => {
  bare = await TestRegistry.open();
  const store = new CheckedStore(bare.store, { error: () => {} } as never);
  server = await ControlServer.open({ registry: await TestRegistry.open({ engine: bare.engine, store }) });
});
afterAll(() => server.close());

test("it is refused by its id and its URL, and removed by either", async () => {
  const app = (await server.call("POST", "/apps", { name: "todo" })).json;
  const drains = "/apps/todo/log-drains";
  const url = "https://one.example/";
  const only = { description: "reads", apps: ["todo"], read_only: true };
  const { access_token: reader } = (await server.call("POST", "/oauth/authorizations", only)).json;
  for (const by of ["id", "url"]) {
    const { json: added } = await server.call("POST", drains, { url });
    await replaceRecord(bare.store, drainKey(added.id), { version: 9 });
    const at = `${drains}/${encodeURIComponent(added[by])}`;
    const refused = await server.call("GET", at);
    expect(refused).toMatchObject({ status: 500, json: { code: "RECORD_UNREADABLE" } });
    expect(refused.text).toContain("a drain can be removed all the same, by its id or URL");
    expect((await server.call("PATCH", at, { format: "ndjson" })).status).toBe(500);
    expect((await server.call("DELETE", at, undefined, { key: reader.token })).status).toBe(403);
    expect(await server.call("DELETE", at)).toMatchObject({
      status: 200,
      json: { id: added.id, url, app: { id: app.id, name: "todo" } },
    });
    expect((await server.call("DELETE", at)).status).toBe(404);
  }
});
