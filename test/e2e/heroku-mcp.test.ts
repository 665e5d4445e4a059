/** Heroku's own MCP server (npm `@heroku/mcp-server`, which `heroku mcp:start` runs), by variables alone. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { shuttleFrame } from "../support/frames.ts";
import { herokuEnvironment, herokuProgram } from "../support/heroku-environment.ts";
import { TestServer } from "../support/server.ts";

const packages = new URL("../heroku/node_modules/", import.meta.url);
const fileOf = (path: string): string => fileURLToPath(new URL(path, packages));
/** Release 1.2.8 names modules of its SDK without their `.js`, which Node does not find: this adds it, and nothing else. */
const hook = `data:text/javascript,${encodeURIComponent(`
import { registerHooks } from "node:module";
const resolve = (name, context, next) =>
  next(/^@modelcontextprotocol\\/sdk\\/[^.]*$/.test(name) ? name + ".js" : name, context);
registerHooks({ resolve });
`)}`;

let server: TestServer;
let folder: string;
let mcp: ChildProcessWithoutNullStreams;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tailrace-mcp-"));
  server = await TestServer.start();
  const { tokens } = await server.createApp("shop");
  const sent = await fetch(`${server.url}/logs`, {
    method: "POST",
    headers: { authorization: `Bearer ${tokens.app}`, "content-type": "application/logplex-1" },
    body: new Uint8Array(shuttleFrame("read by a model", { process: "web.1" })),
  });
  expect(sent.status).toBe(204);
  // Where npx is found it would fetch the newest CLI; here the one on PATH is the one that is pinned.
  const heroku = join(folder, "heroku");
  await writeFile(heroku, `#!/bin/sh\nexec '${process.execPath}' '${herokuProgram}' "$@"\n`);
  await chmod(heroku, 0o755);
  await symlink(process.execPath, join(folder, "node"));
  mcp = spawn(process.execPath, ["--import", hook, fileOf("@heroku/mcp-server/bin/heroku-mcp-server.mjs")], {
    env: {
      ...herokuEnvironment(server.url, folder),
      PATH: folder,
      MCP_SERVER_REQUEST_TIMEOUT: "60000",
    },
  });
  createInterface({ input: mcp.stdout }).on("line", (line) => {
    const { id, result } = JSON.parse(line) as { id?: number; result: unknown };
    if (id !== undefined) waiting.get(id)?.(result as Result);
  });
  await ask("initialize", {
    protocolVersion: "2025-03-26",
    capabilities: {},
    clientInfo: { name: "test", version: "1" },
  });
  mcp.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", method: "notifications/initialized" })}\n`);
});
afterAll(async () => {
  mcp.stdin.end();
  mcp.kill();
  if (mcp.exitCode === null && mcp.signalCode === null) await once(mcp, "exit");
  await server.destroy();
  await rm(folder, { recursive: true, force: true });
});

type Result = {
  readonly tools?: readonly { readonly name: string }[];
  readonly content?: readonly { readonly text: string }[];
};
const waiting = new Map<number, (result: Result) => void>();
let asked = 0;

/** A call of JSON-RPC over its standard input. */
function ask(method: string, params: object): Promise<Result> {
  const id = ++asked;
  mcp.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`);
  return new Promise((resolve) => waiting.set(id, resolve));
}
const tool = async (name: string, args: object): Promise<string> =>
  (await ask("tools/call", { name, arguments: args })).content!.map(({ text }) => text).join("\n");

test("its tools read apps and logs, and are told what has no meaning", async () => {
  const { tools } = await ask("tools/list", {});
  expect(tools!.map(({ name }) => name)).toEqual(
    expect.arrayContaining(["list_apps", "get_app_info", "get_app_logs", "ps_list"]),
  );
  expect(await tool("list_apps", {})).toContain("shop");
  expect(await tool("get_app_info", { app: "shop" })).toContain("shop");
  expect(await tool("get_app_logs", { app: "shop" })).toContain("app[web.1]: read by a model");
  expect(await tool("get_app_logs", { app: "shop", source: "heroku" })).not.toContain("read by a model");
  expect(await tool("ps_list", { app: "shop" })).toContain("No dynos on shop");
  expect(await tool("maintenance_on", { app: "shop" })).toContain("has no meaning on tailrace");
});
