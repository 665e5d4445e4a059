/** The Dockerfile, its steps done by hand: what it makes starts as the image would, is healthy, and takes and shows a line. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildByHand, type HandBuiltImage } from "../support/hand-built-image.ts";
import { freePorts } from "../support/nats.ts";
import { readText, root } from "../support/sources.ts";
import { until } from "../support/until.ts";

const buildMsMax = 280_000;
const key = "test-key-of-an-image-0000000000000";

let folder: string;
let image: HandBuiltImage;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "tailrace-image-"));
  const ignored = readFileSync(join(root, ".dockerignore"), "utf8").split("\n").filter(Boolean);
  image = await buildByHand(readText("Dockerfile"), { context: root, ignored, folder });
}, buildMsMax);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a command of the image with its ports free ones of this machine; `/data` is the image's own. */
function start(command: readonly string[], ports: Readonly<Record<string, number>>, more: object = {}) {
  const here = command.map((word) =>
    word
      .replace(/(?:0\.0\.0\.0|127\.0\.0\.1):(8601|6001)/g, (_, port) => `127.0.0.1:${ports[port]}`)
      .replace(/^\/data$/, join(image.root, "data")),
  );
  const PATH = `${join(image.root, "usr/local/bin")}:${process.env.PATH}`;
  return spawn(here[0]!, here.slice(1), {
    cwd: join(image.root, image.workdir),
    env: { PATH, ...image.env, ...more },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

test("it starts, says that it is healthy, and takes and shows a line", async () => {
  const [http = 0, syslog = 0] = await freePorts(2);
  const ports = { 8601: http, 6001: syslog };
  const server = start([...image.entrypoint, ...image.command], ports, { TAILRACE_API_KEY: key });
  let said = "";
  for (const stream of [server.stdout, server.stderr]) stream.on("data", (text) => (said += text));
  const ended = once(server, "exit");
  try {
    const isHealthy = async () => (await once(start(image.healthcheck, ports), "exit"))[0] === 0;
    await until(isHealthy, { tell: () => said });
    const client = { TAILRACE_URL: `http://127.0.0.1:${http}`, TAILRACE_API_KEY: key };
    for (const [args, shows] of [
      [["apps:create", "shop"], "Created app shop"],
      [["run", "-a", "shop", "--dyno", "web.1", "--", "echo", "from an image"], "from an image"],
      [["logs", "-a", "shop"], "app[web.1]: from an image"],
    ] as const) {
      const child = start([...image.entrypoint, ...args], ports, client);
      let shown = "";
      for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (shown += text));
      await once(child, "close");
      expect(shown).toContain(shows);
    }
    expect((await fetch(`http://127.0.0.1:${http}/`)).status).toBe(200);
  } finally {
    server.kill("SIGTERM");
  }
  expect(await ended).toEqual([0, null]);
});

test("what it is built with is not in it", () => {
  const installed = JSON.parse(
    readFileSync(join(image.root, image.workdir, "node_modules", ".package-lock.json"), "utf8"),
  ).packages as Record<string, { dev?: boolean }>;
  const names = Object.keys(installed).map((path) => path.replace(/^node_modules\//, ""));
  for (const name of ["typescript", "vite", "vitest", "@biomejs/biome"]) expect(names).not.toContain(name);
  expect(names).toContain("lmdb");
});
