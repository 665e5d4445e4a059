import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Api } from "../../../cli/api/api.ts";
import { findKey } from "../../../cli/environment.ts";
import { unreachable } from "../../../cli/errors.ts";
import { FakeTailrace, json } from "../../support/fake-tailrace.ts";
import { serverTls } from "../../support/tls.ts";

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

  test("finds the key file in a folder above, the nearest first, for servers on this machine alone", () => {
    const app = join(data, "apps", "shop");
    const keyAt = (folder: string, url = "http://127.0.0.1:1") => findKey({}, new URL(url), folder).key;
    mkdirSync(app, { recursive: true });
    mkdirSync(join(data, "data"), { recursive: true });
    writeFileSync(join(data, "data", "api-key"), "of the root\n");
    expect([data, app].map((folder) => keyAt(folder))).toEqual(Array(2).fill("of the root"));
    expect(keyAt(app, "http://10.0.0.1:1")).toBeUndefined();
    writeFileSync(join(data, "apps", "data"), "a file is no folder");
    expect(keyAt(app)).toBe("of the root");
    mkdirSync(join(app, "data"));
    writeFileSync(join(app, "data", "api-key"), "of the app");
    expect(keyAt(app)).toBe("of the app");
    const given = findKey({ TAILRACE_DATA: join(data, "none") }, new URL("http://127.0.0.1:1"), app);
    expect(given).toMatchObject({ key: undefined, isFileMissing: true });
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
    for (const way of ["tailrace serve --dev", "npm start"]) expect(error.mend).toContain(way);
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

  test.each([
    [502, "A proxy at HERE answered 502: it does not reach the server behind it.", "Try again in a moment"],
    [503, "A proxy at HERE answered 503: it does not reach the server behind it.", "Try again in a moment"],
    [504, "A proxy at HERE answered 504: it does not reach the server behind it.", "Try again in a moment"],
    [500, "The server at HERE answered 500.", "Tell its operator"],
  ])("tells a proxy's %i from a server's words", async (status, message, mend) => {
    server.routes.set("GET /apps", (_, response) => void response.writeHead(status).end("<html>"));
    const error = await failure(new Api({ TAILRACE_URL: server.url, TAILRACE_API_KEY: server.key }));
    expect(error.message.replace(server.url, "HERE")).toBe(message);
    expect(error.mend).toContain(mend);
    server.routes.set("GET /apps", json(status, { id: "x", message: "The disk is full." }));
    const own = await failure(new Api({ TAILRACE_URL: server.url, TAILRACE_API_KEY: server.key }));
    expect(own.message).toBe("The disk is full.");
  });

  test("says so when something answers everything with nothing", async () => {
    server.routes.set("GET /apps", (_, response) => void response.writeHead(204).end());
    const error = await failure(new Api({ TAILRACE_URL: server.url, TAILRACE_API_KEY: server.key }));
    expect(error.message).toBe(
      `What answers at ${server.url} is not a tailrace server: it answered 204 without a body.`,
    );
  });

  test("names the command that lists what is not there", async () => {
    const api = new Api({ TAILRACE_URL: server.url, TAILRACE_API_KEY: server.key });
    const mend = async (call: string, resource: string, made: () => Promise<unknown>) => {
      server.routes.set(call, json(404, { id: "not_found", message: "No.", resource }));
      return made().catch((error: { mend: string }) => error.mend);
    };
    expect(await mend("GET /apps/shop/log-drains/x", "log_drain", () => api.drain("shop", "x"))).toBe(
      '"tailrace drains -a shop" lists the drains of the app.',
    );
    expect(
      await mend("DELETE /v3/channels/shop/tokens/t.x", "token", () => api.revokeToken("shop", "t.x")),
    ).toBe('"tailrace tokens -a shop" lists the tokens of the app.');
    expect(await mend("DELETE /oauth/authorizations/x", "key", () => api.revokeKey("x"))).toBe(
      'A key is named by its id: "tailrace keys" lists them.',
    );
    await api.close();
  });

  test("tells silence apart: no server, no such host, no TLS, TLS unasked for", async () => {
    const said = async (url: string) => {
      const { message, mend } = await failure(new Api({ TAILRACE_URL: url, TAILRACE_API_KEY: "k" }));
      return `${message} ${mend}`;
    };
    const noHost = Object.assign(new Error("?"), { code: "ENOTFOUND" });
    expect(unreachable(new URL("http://nosuch.example"), noHost, 1)).toMatchObject({
      message: "No answer from http://nosuch.example: the host name is not known.",
      mend: "Check TAILRACE_URL.",
    });
    expect(await said(server.url.replace("http:", "https:"))).toContain(
      "it does not speak TLS; is it http://? Check TAILRACE_URL.",
    );
    const tls = createServer(serverTls, (_, response) => void response.end());
    await new Promise<void>((resolve) => void tls.listen(0, "127.0.0.1", resolve));
    const at = `127.0.0.1:${(tls.address() as AddressInfo).port}`;
    expect(await said(`http://${at}`)).toMatch(
      /the connection was cut\. Check TAILRACE_URL: is it https:\/\/\?$/,
    );
    expect(await said(`https://${at}`)).toMatch(/NODE_EXTRA_CA_CERTS[^.]*\. $/);
    tls.close();
  });

  test("encodes a drain's URL in a path exactly once", async () => {
    const api = new Api({ TAILRACE_URL: server.url, TAILRACE_API_KEY: server.key });
    const path = "/apps/shop/log-drains/https%3A%2F%2Fuser%3Ap%2540ss%40h%3A8443%2Fin%3Fx%3D1";
    const drain = { id: "1", token: "d.1", url: "https://h:8443/in" };
    server.routes.set(`GET ${path}`, json(200, drain));
    expect(await api.drain("shop", "https://user:p%40ss@h:8443/in?x=1")).toEqual(drain);
    await api.close();
  });

  test("makes the tokens of sources once and takes them ever after", async () => {
    const api = new Api({ TAILRACE_URL: server.url, TAILRACE_API_KEY: server.key });
    const made = await api.tokensFor("shop", ["app", "heroku"]);
    expect(made.map(({ name }) => name)).toEqual(["app", "heroku"]);
    expect(await api.tokensFor("shop", ["heroku", "app"])).toEqual([...made].reverse());
    expect(server.calls.filter((call) => call.startsWith("POST"))).toHaveLength(2);
    await api.close();
  });
});
