/** `tailrace up` as a whole: a real server, a real `up`, real dynos, and a second terminal. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { finished } from "../support/cli.ts";
import { program, stores, TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";
import { environmentOf, UpProcess } from "../support/up-process.ts";

let server: TestServer;
let up: UpProcess | undefined;
let apps = 0;
beforeAll(async () => {
  server = await TestServer.start();
});
afterEach(async () => {
  await up?.close();
  up = undefined;
});
afterAll(() => server.destroy());

const web = `
const { createServer } = require("node:http");
createServer((request, response) => response.end(process.env.DYNO + " " + (process.env.GREETING ?? "") + " " + process.pid))
  .listen(process.env.PORT, () => console.log("web listens"));
`;
const start = async (files: Record<string, string>, args: readonly string[] = [], ready = true) =>
  (up = await UpProcess.start(server, files, { app: `app-${++apps}`, args, ready }));
const tailrace = (...args: string[]) =>
  finished(spawn(process.execPath, [program, ...args, "-a", up!.app], { env: environmentOf(server) }));
const ask = async (path = "") => (await fetch(up!.url + path)).text();
/** As the server was last told: a moment after it is logged. */
const states = async (): Promise<string[]> =>
  JSON.parse((await tailrace("ps", "--json")).stdout).map(
    (dyno: { name: string; state: string }) => `${dyno.name} ${dyno.state}`,
  );
const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
};

describe("tailrace up", () => {
  test("builds, releases, starts and routes, and the log says all of it in Heroku's words", async () => {
    await start({
      Procfile: "web: node web.js\nworker: echo at work; exec sleep 600\nrelease: echo migrated",
      "web.js": web,
      ".env": "GREETING=hello\n",
      "package.json": '{ "scripts": { "postinstall": "echo compiled" } }',
    });
    expect(await ask()).toMatch(/^web\.1 hello /);
    const lines = await up!.logs(/heroku\[router\]/);
    const inOrder = (forms: readonly RegExp[], of = "") =>
      forms.reduce((from, form) => {
        const at = lines.findIndex((line, index) => index >= from && form.test(line));
        expect(at, `${form} behind line ${from} of\n${lines.join("\n")}`).not.toBe(-1);
        return at + (of === "" ? 1 : 0);
      }, 0);
    inOrder([
      /^app\[api\]: Build started by user operator@localhost$/,
      /^app\[api\]: Build succeeded$/,
      /^app\[api\]: Deploy\b.* by user operator@localhost$/,
      /^app\[api\]: Release v1 created by user operator@localhost$/,
    ]);
    inOrder([
      /^heroku\[build\]: -----> Node\.js app detected: npm install/,
      /^heroku\[release\.1\]: Starting process with command `echo migrated`$/,
      /^heroku\[release\.1\]: Process exited with status 0$/,
      /^heroku\[web\.1\]: Starting process with command `node web\.js`$/,
      /^heroku\[web\.1\]: State changed from starting to up$/,
      /^heroku\[router\]: at=info method=GET path="\/" .* dyno=web\.1 connect=\d+ms service=\d+ms status=200 bytes=\d+ protocol=http$/,
    ]);
    inOrder([/^app\[release\.1\]: migrated$/, /^app\[web\.1\]: web listens$/]);
    expect(lines).toContain("app[worker.1]: at work");
    expect(await up!.end()).toBe(0);
    expect((await up!.lines()).slice(-4).join("\n")).toContain("State changed from up to down");
  });

  test("does what another terminal says, and tells it", async () => {
    await start({ Procfile: "web: node web.js", "web.js": web });
    expect((await tailrace("scale", "web=2")).stdout).toBe("web=2:Standard-1X\n");
    await up!.logs(/^heroku\[web\.2\]: State changed from starting to up$/);
    const dynos = new Set(
      (await Promise.all([1, 2, 3, 4].map(() => ask()))).map((text) => text.split(" ")[0]),
    );
    expect([...dynos].sort()).toEqual(["web.1", "web.2"]);
    await until(async () => (await states()).join() === "web.1 up,web.2 up");
    expect((await tailrace("config:set", "GREETING=hush-hush")).status).toBe(0);
    await up!.logs(/^app\[api\]: Release v2 created/);
    await until(async () => (await ask()).includes("hush-hush"));
    expect((await tailrace("config:get", "GREETING")).stdout).toBe("hush-hush\n");
    expect((await tailrace("stop", "web.2")).status).toBe(0);
    await up!.logs(/^heroku\[web\.2\]: State changed from up to down$/);
    const before = await ask();
    expect((await tailrace("restart", "web.1")).status).toBe(0);
    await until(async () => (await ask()) !== before);
    expect((await tailrace("scale", "web=0")).status).toBe(0);
    await up!.logs(/^heroku\[web\.1\]: State changed from up to down$/);
    expect((await fetch(up!.url)).status).toBe(503);
    const lines = await up!.logs(/code=H14 desc="No web processes running"/);
    expect(lines).toContain("app[api]: Scaled to web@2:Standard-1X by user operator@localhost");
    expect(lines).toContain("app[api]: Set GREETING config vars by user operator@localhost");
    expect(lines).toContain("heroku[web.1]: Restarting");
    expect(lines.join("\n")).not.toContain("hush-hush");
  });

  test("brings a dyno back that was killed, and no other terminal's key is in its environment", async () => {
    await start({
      Procfile: "web: node web.js\nworker: env | grep -c TAILRACE_API_KEY; env | grep PYTHON; exec sleep 600",
      "web.js": web,
    });
    const [, , pid] = (await ask()).split(" ");
    process.kill(Number(pid), "SIGKILL");
    await up!.logs(/^heroku\[web\.1\]: Process exited with status 137$/);
    await until(async () => {
      const text = await ask().catch(() => "");
      return text.startsWith("web.1") && !text.endsWith(pid!);
    });
    const lines = await up!.lines();
    expect(lines).toContain("heroku[web.1]: State changed from up to crashed");
    expect(lines).toContain("app[worker.1]: 0");
    expect(lines).toContain("app[worker.1]: PYTHONUNBUFFERED=1");
  });

  test("loses none of 200,000 lines that a dyno prints at once", async () => {
    await start({ Procfile: "worker: seq 1 200000; exec sleep 600" });
    await up!.logs(/^app\[worker\.1\]: 200000$/);
    const { id } = await server.api<{ id: string }>("GET", `/apps/${up!.app}`);
    const session = await server.api<{ logplex_url: string }>("POST", `/apps/${id}/log-sessions`, {
      since: "1h",
      dyno: "worker.1",
      source: "app",
      tail: false,
    });
    const text = await (await fetch(session.logplex_url)).text();
    const numbers = [...text.matchAll(/app\[worker\.1\]: (\d+)$/gm)].map((match) => Number(match[1]));
    expect(numbers).toHaveLength(200_000);
    expect(numbers.every((number, index) => number === index + 1)).toBe(true);
  });

  test("makes no app when its port is taken", async () => {
    const holder = createServer().listen(0, "127.0.0.1");
    await once(holder, "listening");
    const { port } = holder.address() as AddressInfo;
    await start({ Procfile: "web: node web.js", "web.js": web }, ["--port", String(port)], false);
    expect(await up!.ended()).toBe(2); // as of `serve`: an option has to be changed
    expect(up!.output).toMatch(new RegExp(`^tailrace: .*127\\.0\\.0\\.1:${port}: it is in use already\\.`));
    const apps = await server.api<{ name: string }[]>("GET", "/apps");
    expect(apps.map(({ name }) => name)).not.toContain(up!.app);
    holder.close();
  });

  test("leaves no process behind when it is killed with -9, and another one takes over at once", async () => {
    await start({
      Procfile: "web: node web.js\nworker: sleep 600 & echo pids $$ $!; wait",
      "web.js": web,
    });
    const [, , webPid] = (await ask()).split(" ");
    const line = (await up!.logs(/pids \d+ \d+/)).find((one) => /pids \d/.test(one))!;
    const pids = [Number(webPid), ...[...line.matchAll(/ (\d+)/g)].map((match) => Number(match[1]))];
    expect(pids.filter(isAlive)).toHaveLength(3);
    await until(async () => (await states()).join() === "web.1 up,worker.1 up");
    await up!.end("SIGKILL");
    await until(() => !pids.some(isAlive), { tell: () => pids.filter(isAlive).join() });
    const before = up!;
    up = await UpProcess.start(server, { Procfile: "web: node web.js", "web.js": web }, { app: before.app });
    expect(await ask()).toMatch(/^web\.1 /);
    await up.logs(/^heroku\[up\]: "tailrace up" .* has ended: its dynos are down$/);
    await up.logs(/^heroku\[web\.1\]: State changed from up to down$/);
    const second = await UpProcess.start(server, { Procfile: "web: x" }, { app: before.app, ready: false });
    expect(await second.ended()).toBe(1);
    expect(second.output).toContain(`Another "tailrace up" runs this app's dynos: process ${up.pid} on`);
    await second.close();
    await before.close();
  });

  test("lets a dyno end in its own time behind its shell", async () => {
    await start({
      Procfile: "worker: node worker.js && true",
      "worker.js":
        "process.on('SIGTERM', () => setTimeout(() => { console.log('all put away'); process.exit(); }, 300)); setInterval(() => {}, 1000); console.log('here');",
    });
    await up!.logs(/^app\[worker\.1\]: here$/);
    const ended = up!.end();
    void up!.end("SIGINT"); // a signal to the group comes twice
    expect(await ended).toBe(0);
    expect(up!.output).toContain("Ending in good order. Ctrl-C again ends it at once.");
    expect(await up!.lines()).toContain("app[worker.1]: all put away");
  });

  test("goes on while the server is away, and what happened meanwhile is in the log", async () => {
    await start({ Procfile: "web: node web.js", "web.js": web });
    await server.kill("SIGKILL");
    expect(await ask("/while-away")).toMatch(/^web\.1 /);
    await server.start();
    await up!.logs(/path="\/while-away"/);
    expect((await tailrace("scale", "web=2")).status).toBe(0);
    await up!.logs(/^heroku\[web\.2\]: State changed from starting to up$/);
  });

  test.each([
    ["build", { Procfile: "web: x" }, ["--build", "echo no such package; exit 7"], 1, "ended with status 7"],
    ["release line", { Procfile: "web: x\nrelease: exit 3" }, [], 1, "ended with status 3"],
    ["Procfile", {}, [], 2, "There is no Procfile here"],
    ["option", { Procfile: "web: x" }, ["--scale", "web"], 2, "write it as web=2"],
  ])("ends when its %s is no good, and says why", async (_, files, args, status, why) => {
    await start(files, args, false);
    expect(await up!.ended()).toBe(status);
    expect(up!.output).toContain(why);
  });

  test("ends when its app is destroyed", async () => {
    await start({ Procfile: "web: node web.js", "web.js": web });
    await server.api("DELETE", `/apps/${up!.app}`);
    expect(await up!.ended()).toBe(1);
    expect(up!.output).toContain("There is no app");
  });
});

test("examples/todo is run as the README says", async () => {
  const folder = fileURLToPath(new URL("../../examples/todo", import.meta.url));
  const names = ["Procfile", "package.json", "web.mjs", "worker.mjs", "release.mjs", "store.mjs"];
  await start(Object.fromEntries(names.map((name) => [name, readFileSync(join(folder, name), "utf8")])));
  await fetch(up!.url, { method: "POST", body: new URLSearchParams({ text: "buy milk" }) });
  const lines = await up!.logs(/^app\[worker\.1\]: done: buy milk$/);
  expect(lines).toContain("app[release.1]: the list is ready: 0 things to do");
  expect(await ask()).toContain("<s>buy milk</s>");
  expect((await fetch(`${up!.url}/crash`)).status).toBe(503);
  await up!.logs(/code=H13 .* path="\/crash"/);
  await up!.logs(/^heroku\[web\.1\]: State changed from up to crashed$/);
});

test.each(stores.slice(1))(
  "the second terminal is heard on %s, too",
  async (store) => {
    const other = await TestServer.startOn(store);
    try {
      up = await UpProcess.start(other, { Procfile: "web: node web.js", "web.js": web });
      await other.api("PATCH", "/apps/shop/formation/web", { quantity: 2 });
      await up.logs(/^heroku\[web\.2\]: State changed from starting to up$/);
    } finally {
      await up?.close();
      await other.destroy();
    }
  },
  120_000,
);
