/**
 * A server whose disk fills up: senders get 503, `/readyz` says why, tails and drains and the API go on, and lines are taken
 * again by themselves when there is room.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { octetCounted } from "../support/frames.ts";
import { LedgerReceiver } from "../support/ledger.ts";
import { TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";

let cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
  cleanups = [];
});

/** A folder with room for some 14 MiB of lines: on a disk of its own, or by a limit of the server's files. */
async function scarceFolder() {
  const folder = await mkdtemp(join(tmpdir(), "tailrace-scarce-"));
  cleanups.push(() => rm(folder, { recursive: true, force: true }));
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=80m", "tmpfs", folder]).status === 0;
  if (mounted) cleanups.push(() => execFileSync("umount", [folder]));
  const limit = (server: TestServer, size: string) =>
    execFileSync("prlimit", ["--pid", String(server.pid), `--fsize=${size}:`]);
  return {
    folder,
    begin: (server: TestServer) => mounted || limit(server, String(80 * 1024 * 1024)),
    makeRoom: (server: TestServer) =>
      mounted ? execFileSync("mount", ["-o", "remount,size=400m", folder]) : limit(server, "unlimited"),
  };
}

test("lines are refused, all else goes on, and comes back by itself", async () => {
  const { folder, begin, makeRoom } = await scarceFolder();
  const server = await TestServer.start(["--data", folder]);
  cleanups.push(() => server.destroy());
  begin(server);
  const receiver = await LedgerReceiver.open(() => 200);
  cleanups.push(() => receiver.close());
  const { tokens } = await server.createApp("full");
  await server.api("POST", "/apps/full/log-drains", { url: receiver.url });

  const text = "x".repeat(8_000);
  let sent = 0;
  const send = async () => {
    const lines = Array.from({ length: 40 }, () =>
      octetCounted(`<190>1 2026-01-02T03:04:05Z host ${tokens.app} web.1 - - ${sent++} ${text}`),
    );
    return fetch(`${server.url}/logs`, {
      method: "POST",
      headers: {
        authorization: `Basic ${Buffer.from(`token:${tokens.app}`).toString("base64")}`,
        "content-type": "application/logplex-1",
        "logplex-msg-count": "40",
      },
      body: Buffer.concat(lines),
    });
  };
  const ready = async () => {
    const response = await fetch(`${server.url}/readyz`);
    return { status: response.status, ...((await response.json()) as { reasons: string[] }) };
  };
  let stored = 0;
  for (;;) {
    const { status, headers } = await send();
    if (status === 503) {
      expect(headers.get("retry-after")).toBe("5");
      break;
    }
    expect(status).toBe(204);
    stored += 40;
  }
  expect(stored).toBeGreaterThan(200);
  await until(async () => (await ready()).status === 503, { tell: () => "not told" });
  expect((await ready()).reasons).toEqual([
    expect.stringMatching(/disk of --data has \d+ MiB left, and 64 MiB of it are kept free/),
  ]);
  expect(await (await fetch(`${server.url}/metrics`)).text()).toContain("\ntailrace_disk_refusing_lines 1\n");

  // The drain delivers and keeps its cursor, the log is read, the API writes.
  await until(async () => (await drained(server)).lag_lines === 0, {
    tell: () => "the drain stands still",
  });
  expect((await drained(server)).delivered).toBe(stored);
  await server.createApp("another");
  const session = await server.api<{ logplex_url: string }>("POST", "/apps/full/log-sessions", { lines: 50 });
  expect((await (await fetch(session.logplex_url)).text()).split("\n").length).toBeGreaterThan(50);
  // Some find room inside the file that the log itself gives back.
  const statuses: number[] = [];
  for (let n = 0; n < 300; n++) statuses.push((await send()).status);
  stored += 40 * statuses.filter((status) => status === 204).length;
  expect(statuses.filter((status) => status === 503).length).toBeGreaterThan(200);
  expect(new Set(statuses).size).toBeLessThanOrEqual(2);

  makeRoom(server);
  await until(async () => (await send()).status === 204, { tell: () => "still refused" });
  stored += 40;
  await until(async () => (await drained(server)).delivered === stored, {
    tell: () => "not all that was acknowledged is delivered",
  });
  await until(async () => (await ready()).status === 200, { tell: () => "still not ready" });
}, 180_000);

type Drained = { readonly lag_lines: number; readonly delivered: number };

async function drained(server: TestServer): Promise<Drained> {
  const [drain] = await server.api<Drained[]>("GET", "/apps/full/log-drains");
  return drain!;
}
