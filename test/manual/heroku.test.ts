/** The commands of docs/heroku-cli.md and docs/moving.md, run: with Heroku's own program, and at Heroku's API as it was recorded. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { scriptOf, stepsOf } from "../support/manual-blocks.ts";
import { Reader } from "../support/reader.ts";
import { herokuKeyOfTests, RecordedHeroku } from "../support/recorded-heroku.ts";
import { TestServer, testKey } from "../support/server.ts";

let server: TestServer;
beforeEach(async () => {
  server = await TestServer.start();
});
afterEach(() => server.destroy());

test("the variables of the page lead the heroku command here", async () => {
  const reader = new Reader(undefined, {
    HEROKU_SKIP_NEW_VERSION_CHECK: "true",
    HEROKU_DISABLE_AUTOUPDATE: "1",
  });
  try {
    const { tokens } = await server.createApp("shop");
    mkdirSync(join(reader.folder, "data"));
    writeFileSync(join(reader.folder, "data", "api-key"), `${testKey}\n`);
    const headers = { authorization: `Bearer ${tokens.app}`, "content-type": "text/plain" };
    await fetch(`${server.url}/logs?process=web.1`, { method: "POST", headers, body: "it is here\n" });
    const script = scriptOf("docs/heroku-cli.md", "variables", { "http://127.0.0.1:8601": server.url });
    expect(await reader.runUntil(script, /it is here/)).toContain("app[web.1]: it is here");
  } finally {
    await reader.close();
  }
});

test("an import is shown first, and then made", async () => {
  const heroku = await RecordedHeroku.open();
  const reader = new Reader(server.url);
  try {
    const [key, dryRun, made] = stepsOf("docs/moving.md", "import", 3, {
      "export HEROKU_API_KEY=…": `export HEROKU_API_KEY=${herokuKeyOfTests}`,
      "'shop-*'": "'shop*'",
      "import heroku": `import heroku --api ${heroku.url}`, // in place of https://api.heroku.com
    });
    const apps = async () => (await server.api<{ name: string }[]>("GET", "/apps")).map(({ name }) => name);
    expect((await reader.run(`${key}\n${dryRun}`)).stdout).toContain(
      "firs, of the generation fir: would be made here",
    );
    expect(await apps()).toEqual([]);
    const { stdout, stderr } = await reader.run(`${key}\n${made}`);
    expect(stdout, stderr).toMatch(/^shop: made here/m);
    expect(await apps()).toEqual(["shop"]);
    expect(heroku.asked.every(({ method }) => method === "GET")).toBe(true);
  } finally {
    await reader.close();
    heroku.close();
  }
});
