/** The commands of docs/up.md, run. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { scriptOf, stepsOf } from "../support/manual-blocks.ts";
import { Reader } from "../support/reader.ts";
import { TestServer } from "../support/server.ts";
import { UpProcess } from "../support/up-process.ts";

const web = `
const { createServer } = require("node:http");
createServer((_, response) => response.end(process.env.GREETING ?? "")).listen(process.env.PORT);
`;
const procfile = "web: node web.js\nworker: exec sleep 600\n";

let server: TestServer;
let reader: Reader;
beforeAll(async () => {
  server = await TestServer.start();
});
beforeEach(() => {
  reader = new Reader(server.url);
});
afterEach(async () => {
  await reader.close();
  await server.api("DELETE", "/apps/shop"); // what it was scaled to is kept
});
afterAll(() => server.destroy());

test("up runs the Procfile of the folder, or the one that is named, scaled, at the port that is named", async () => {
  for (const folder of [".", "app"]) {
    mkdirSync(join(reader.folder, folder), { recursive: true });
    writeFileSync(join(reader.folder, folder, "Procfile"), procfile);
    writeFileSync(join(reader.folder, folder, "web.js"), web);
  }
  const [here, scaled] = stepsOf("docs/up.md", "start", 2, { "--port 8080": "--port 0" }) as [string, string];
  // Port 5000 may be somebody's on this machine.
  const isUp = /heroku\[web\.1\]: State changed from starting to up/;
  await reader.runUntil(here.replace("-a shop", "-a shop --port 0"), isUp);
  await reader.runUntil(scaled, /heroku\[web\.2\]: State changed from starting to up/);
});

test("its dynos are listed, scaled, restarted, stopped and configured from another terminal", async () => {
  const up = await UpProcess.start(server, { Procfile: procfile, "web.js": web }, { app: "shop" });
  try {
    // The server hears of the dynos a moment after they are up.
    const dynos = async () =>
      (await server.api<{ state: string }[]>("GET", "/apps/shop/dynos")).map(({ state }) => state);
    await expect.poll(dynos).toEqual(["up", "up"]);
    const { status, stdout, stderr } = await reader.run(scriptOf("docs/up.md", "control"));
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(/^web\.1 /m);
    expect(stdout).toContain("web=3:Standard-1X worker=1:Standard-1X");
    await up.logs(/Scaled to web@3:Standard-1X worker@1:Standard-1X/);
    await up.logs(/heroku\[worker\.1\]: State changed from \w+ to down/);
    await up.logs(/app\[api\]: Set GREETING config vars/);
    await expect.poll(async () => (await fetch(up.url)).text()).toBe("hello");
  } finally {
    await up.close();
  }
});
