/** The manifest and the commands of docs/addons.md, at a provider that the test plays. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AddonProvider } from "../support/addon-provider.ts";
import { blockOf, stepsOf } from "../support/manual-blocks.ts";
import { Reader } from "../support/reader.ts";
import { TestServer } from "../support/server.ts";

let provider: AddonProvider;
let folder: string;
let server: TestServer;
let reader: Reader;
beforeAll(async () => {
  provider = await AddonProvider.open();
  provider.usual = ({ method, body }) => {
    if (method === "DELETE") return { status: 204 };
    if (method === "PUT") return { status: 200, body: { message: `plan ${body.plan}` } };
    const config = { PAPERTRAIL_API_TOKEN: "hush" };
    return { status: 200, body: { id: body.uuid, config, log_drain_url: "http://127.0.0.1:9/in" } };
  };
  folder = mkdtempSync(join(tmpdir(), "tailrace-addons-"));
  const manifest = blockOf("docs/addons.md", "manifest").body;
  writeFileSync(
    join(folder, "papertrail.json"),
    manifest.replace("https://provider.example.com/heroku/resources", provider.url),
  );
  server = await TestServer.start(["--addons", folder]);
  await server.createApp("shop");
  reader = new Reader(server.url, {
    HEROKU_HOST: server.url,
    HEROKU_PARTICLEBOARD_URL: server.url,
    HEROKU_API_KEY: "",
    DISABLE_TELEMETRY: "true",
    HEROKU_SKIP_NEW_VERSION_CHECK: "true",
    HEROKU_DISABLE_AUTOUPDATE: "1",
  });
});
afterAll(async () => {
  await reader.close();
  await server.destroy();
  provider.close();
  rmSync(folder, { recursive: true, force: true });
});

test("an owner makes an add-on, looks at it, changes its plan, and destroys it", async () => {
  const commands = stepsOf("docs/addons.md", "owner", 6);
  const [services, create, ...others] = commands as [string, string, ...string[]];
  expect((await reader.run(services)).stdout).toContain("papertrail");
  const made = await reader.run(create);
  expect(made).toMatchObject({ status: 0, stdout: expect.stringMatching(/^Created papertrail-/) });
  const name = /^Created (\S+) /.exec(made.stdout)![1]!;
  const named = others.map((command) => command.replaceAll("papertrail-12345", name));
  for (const command of named) {
    const { status, stderr, stdout } = await reader.run(
      `export HEROKU_API_KEY=$TAILRACE_API_KEY\n${command}`,
    );
    expect({ command, status, stderr: status === 0 ? "" : stderr + stdout }).toEqual({
      command,
      status: 0,
      stderr: "",
    });
  }
  expect(provider.calls.map(({ method, body }) => [method, body?.plan])).toEqual([
    ["POST", "choklad"],
    ["PUT", "fixa"],
    ["DELETE", undefined],
  ]);
});

test("its provider exchanges the code of the request, and renews what it got", async () => {
  provider.calls.length = 0;
  expect((await reader.run("tailrace addons:create papertrail -a shop")).status).toBe(0);
  const { code } = provider.calls[0]!.body.oauth_grant as { code: string };
  const names = { "https://SERVER": server.url, SECRET: "…", CODE: code };
  const [exchange, renew] = stepsOf("docs/addons.md", "oauth", 2, names) as [string, string];
  type Tokens = { readonly access_token: string; readonly refresh_token: string };
  const first = JSON.parse((await reader.run(exchange)).stdout) as Tokens;
  const second = JSON.parse((await reader.run(renew.replace("TOKEN", first.refresh_token))).stdout) as Tokens;
  expect(second.refresh_token).toBe(first.refresh_token);
  const at = new URL(provider.calls[0]!.body.callback_url as string);
  for (const { access_token: token } of [first, second]) {
    const answer = await fetch(`${server.url}${at.pathname}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(answer.status).toBe(200);
  }
});
