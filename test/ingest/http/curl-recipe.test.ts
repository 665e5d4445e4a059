/** The recipe for curl in docs/sending.md: it repeats what a later try may mend, and nothing else. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { configurationOf } from "../../support/sending-page.ts";

/** What the server does with the requests that follow; 0: it breaks the connection. */
let answers: number[] = [];
let ids: unknown[] = [];
let folder: string;
let server: Server;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "tailrace-curl-"));
  writeFileSync(join(folder, "lines.txt"), "one\ntwo\n");
  server = createServer((request, response) => {
    ids.push(request.headers["logplex-frame-id"]);
    const status = answers.shift() ?? 204;
    if (status === 0) return void request.socket.destroy();
    request.resume().on("end", () => response.writeHead(status).end(status === 204 ? "" : `said ${status} `));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await new Promise((resolve) => server.close(resolve));
});

function send(): Promise<{ readonly status: number; readonly stderr: string }> {
  ids = [];
  const { port } = server.address() as AddressInfo;
  const script = configurationOf("curl", { "https://logs.example.com": `http://127.0.0.1:${port}` });
  return new Promise((resolve) =>
    execFile("sh", ["-c", script], { cwd: folder }, (error, _, stderr) =>
      resolve({ status: error === null ? 0 : Number(error.code), stderr }),
    ),
  );
}

test.each([401, 403, 413])("a %i is told at once", async (status) => {
  answers = [status];
  const { stderr, ...ended } = await send();
  expect({ ...ended, requests: ids.length }).toEqual({ status: 1, requests: 1 });
  expect(stderr).toContain(`said ${status}`);
});

test.each([0, 429, 503])("an answer of %i is tried again under the same id", async (status) => {
  answers = [status];
  expect((await send()).status).toBe(0);
  expect(ids).toEqual([ids[0], ids[0]]);
  expect(ids[0]).toMatch(/^\d+-\d+$/);
});
