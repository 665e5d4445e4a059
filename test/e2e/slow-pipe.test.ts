/** `tailrace logs -f | less`: a real pipe that nobody reads from for long. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, mkdtempSync, openSync, rmSync } from "node:fs";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, expect, test } from "vitest";
import { cliEnvironment } from "../support/cli.ts";
import { anonymousBytes } from "../support/process-figures.ts";
import { program, TestServer, testKey } from "../support/server.ts";
import { until } from "../support/until.ts";

const MiB = 1024 * 1024;
const bodies = 40;
const linesOfBody = 8_000; // 1.6 MB a body, 64 MB in all
const total = bodies * linesOfBody;
/** Less than half of what is sent meanwhile. */
const growthBytesMax = 28 * MiB;

let server: TestServer;
let folder: string;
beforeEach(async () => {
  server = await TestServer.start(["--retain-app", "1GiB"]); // all of it is kept
  folder = mkdtempSync(join(tmpdir(), "tailrace-pipe-"));
});
afterEach(async () => {
  await server.destroy();
  rmSync(folder, { recursive: true, force: true });
});

/** A pipe of the system, as `|` makes one. */
function openPipe(): { readonly reading: number; readonly writing: number } {
  const path = join(folder, "pipe");
  spawnSync("mkfifo", [path]);
  const reading = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return { reading, writing: openSync(path, "w") };
}

async function post(token: string, body: string): Promise<void> {
  const headers = { authorization: `Bearer ${token}`, "content-type": "text/plain" };
  const answer = await fetch(`${server.url}/logs?process=web.1`, { method: "POST", headers, body });
  expect(answer.status).toBe(204);
}

const numbered = (from: number): string =>
  Array.from({ length: linesOfBody }, (_, i) => `n=${from + i} ${"x".repeat(190)}\n`).join("");

test("while its reader stands still it holds no lines; then the reader gets every line, in order, and an end", async () => {
  const { tokens } = await server.createApp("shop");
  const pipe = openPipe();
  const ending = ["--until-match", `^n=${total - 1} `];
  const tail = spawn(process.execPath, [program, "logs", "-a", "shop", "-f", "-n", "1", ...ending], {
    env: cliEnvironment({ url: server.url, key: testKey }),
    stdio: ["ignore", pipe.writing, "pipe"],
  });
  closeSync(pipe.writing);
  let stderr = "";
  tail.stderr!.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const ended = once(tail, "close");
  await post(tokens.app!, "first\n");
  const lines = createInterface({ input: new Socket({ fd: pipe.reading, readable: true, writable: false }) });
  const numbers: number[] = [];
  lines.on("line", (line) => numbers.push(Number(/ n=(\d+) /.exec(line)?.[1] ?? -1)));
  await until(() => numbers.length > 0, { tell: () => stderr }); // it follows
  lines.pause();

  const before = anonymousBytes(tail.pid!);
  for (let i = 0; i < bodies; i++) await post(tokens.app!, numbered(i * linesOfBody));
  expect(anonymousBytes(tail.pid!) - before).toBeLessThan(growthBytesMax);
  expect(tail.exitCode).toBe(null);

  lines.resume();
  expect(await ended).toEqual([0, null]);
  await until(() => numbers.length > total, { tell: () => `${numbers.length} of them` });
  expect(numbers.slice(1)).toEqual(Array.from({ length: total }, (_, n) => n));
  expect(stderr).toBe("");
});
