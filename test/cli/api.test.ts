import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Api } from "../../cli/api.ts";
import { findKey } from "../../cli/environment.ts";
import { FakeTailrace, json } from "../support/fake-tailrace.ts";

let server: FakeTailrace;
let data: string;
beforeEach(async () => {
  server = await FakeTailrace.open();
  data = mkdtempSync(join(tmpdir(), "tailrace-cli-"));
});
afterEach(async () => {
  await server.close();
  rmSync(data, { recursive: true });
});

const failure = async (api: Api): Promise<{ message: string; mend: string }> => {
  try {
    await api.apps();
  } catch (error) {
    return error as { message: string; mend: string };
  } finally {
    await api.close();
  }
  throw new Error("the call did not fail");
};

describe("the client", () => {
  test("takes the key of a server on this machine from its data folder", async () => {
    writeFileSync(join(data, "api-key"), `${server.key}\n`);
    const api = new Api({ TAILRACE_URL: server.url, TAILRACE_DATA: data });
    expect((await api.apps()).map((app) => app.name)).toEqual(["shop"]);
    await api.close();
  });

  test("says where it looked for the key when there is none", async () => {
    const error = await failure(new Api({ TAILRACE_URL: server.url, TAILRACE_DATA: data }));
    expect(error.message).toContain(
      `TAILRACE_API_KEY is not set and ${join(data, "api-key")} does not exist`,
    );
  });

  test("says which key was refused, but not the key", async () => {
    const error = await failure(new Api({ TAILRACE_URL: server.url, TAILRACE_API_KEY: "a-wrong-key" }));
    expect(error.message).toContain("from TAILRACE_API_KEY");
    expect(error.message + error.mend).not.toContain("a-wrong-key");
  });

  test("reads the key file for servers on this machine alone", () => {
    writeFileSync(join(data, "api-key"), server.key);
    const keyFor = (url: string) => findKey({ TAILRACE_DATA: data }, new URL(url)).key;
    expect(["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1"].map(keyFor)).toEqual(
      Array(3).fill(server.key),
    );
    expect(["http://10.0.0.1:1", "http://127.0.0.1.example", "http://localhost.example"].map(keyFor)).toEqual(
      Array(3).fill(undefined),
    );
  });

  test("refuses an address with a password in it", () => {
    expect(() => new Api({ TAILRACE_URL: "http://user:secret@127.0.0.1:1" })).toThrow(
      "TAILRACE_URL holds a user",
    );
  });

  test("says what to start when nothing listens", async () => {
    const closed = await FakeTailrace.open();
    const { url } = closed;
    await closed.close();
    const error = await failure(new Api({ TAILRACE_URL: url, TAILRACE_API_KEY: "k" }));
    expect(error.message).toBe(`No answer from ${url}: the connection was refused.`);
    expect(error.mend).toContain("tailrace serve --dev");
  });

  test("shows the server's own message", async () => {
    server.routes.set("GET /apps", json(422, { id: "invalid_params", message: "Too many. Take fewer" }));
    const error = await failure(new Api({ TAILRACE_URL: server.url, TAILRACE_API_KEY: server.key }));
    expect(error).toMatchObject({ message: "Too many. Take fewer.", mend: "" });
  });

  test("says so when something else answers", async () => {
    server.routes.set("GET /apps", (_, response) => void response.end("<html>"));
    const error = await failure(new Api({ TAILRACE_URL: server.url, TAILRACE_API_KEY: server.key }));
    expect(error.message).toContain("is not a tailrace server");
  });

  test("encodes a drain's URL in a path exactly once", async () => {
    const api = new Api({ TAILRACE_URL: server.url, TAILRACE_API_KEY: server.key });
    const path = "/apps/shop/log-drains/https%3A%2F%2Fuser%3Ap%2540ss%40h%3A8443%2Fin%3Fx%3D1";
    server.routes.set(`GET ${path}`, json(200, { id: "1" }));
    expect(await api.drain("shop", "https://user:p%40ss@h:8443/in?x=1")).toEqual({ id: "1" });
    await api.close();
  });

  test("makes the token of a source once and takes it ever after", async () => {
    const api = new Api({ TAILRACE_URL: server.url, TAILRACE_API_KEY: server.key });
    const made = await api.tokenFor("shop", "app");
    expect(await api.tokenFor("shop", "app")).toEqual(made);
    expect(server.calls.filter((call) => call.startsWith("POST"))).toHaveLength(1);
    await api.close();
  });
});
