import { execFileSync } from "node:child_process";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { openFilesMax, watchOpenFiles, withinFiles } from "../../src/files/open-files.ts";
import { ingestLimits } from "../../src/ingest/limits.ts";
import { httpLimits, slotLimits, tailLimits } from "../../src/limits.ts";
import { acceptedMax } from "../../src/sockets/new-connections.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { openFiles } from "../support/process-figures.ts";
import { RawClient } from "../support/raw-client.ts";
import { TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";

/** All connections that a process may have with so many open files. */
const connections = (filesMax: number): number =>
  withinFiles(filesMax, "accepted", acceptedMax) +
  withinFiles(filesMax, "http", httpLimits.connectionsMax) +
  withinFiles(filesMax, "syslog", ingestLimits.connectionsMax) +
  withinFiles(filesMax, "drains", slotLimits.socketsMax) +
  withinFiles(filesMax, "streams", tailLimits.tailsMax);

test.each([64, 256, 1_024, 4_096, 20_000, 65_536])(
  "with %i open files the bounds of connections fit",
  (filesMax) => {
    expect(connections(filesMax)).toBeLessThanOrEqual(0.9 * filesMax);
  },
);

test("with enough open files the bounds are those of the settings", () => {
  expect(connections(Number.POSITIVE_INFINITY)).toBe(33_000);
  expect(connections(1_048_576)).toBe(33_000);
});

test("the system says how many there may be", () => {
  expect(openFilesMax()).toBeGreaterThan(100);
});

/** False also for a connection that is closed unanswered, as it came when no file was left, or among many. */
const isReady = ({ url }: TestServer): Promise<boolean> =>
  fetch(`${url}/readyz`).then(
    ({ ok }) => ok,
    () => false,
  );

describe("running out", () => {
  let server: TestServer | undefined;
  afterEach(() => server?.destroy());

  test("is told, and room made, each time that it is found", async () => {
    const clock = new FakeClock();
    const logged: string[] = [];
    let rooms = 0;
    const outcomes = [undefined, "EMFILE", "ENOENT", "ENFILE", undefined];
    const watch = watchOpenFiles({
      clock,
      failures: { note: (work, error) => logged.push(`${work} ${(error as NodeJS.ErrnoException).code}`) },
      makeRoom: () => rooms++,
      probe: async () => {
        const code = outcomes.shift();
        if (code !== undefined) throw Object.assign(new Error(code), { code });
      },
    });
    await clock.advance(5_000);
    expect(logged).toEqual(["open_files EMFILE", "open_files ENFILE"]);
    expect(rooms).toBe(2);
    await watch.close();
  });

  test("is beyond what strangers can do", async () => {
    const limited = await TestServer.start([], {}, { openFilesMax: 200 });
    server = limited;
    const http = Number(new URL(limited.url).port);
    process.kill(limited.pid, "SIGSTOP"); // so that all come at one moment
    const clients = await Promise.all(
      Array.from({ length: 300 }, (_, n) => RawClient.open(n % 2 === 0 ? http : limited.syslogPort)),
    );
    for (const client of clients) client.send("GET /healthz HTTP/1.1\r\n");
    process.kill(limited.pid, "SIGCONT");
    let isOver = false;
    const ready = until(() => isReady(limited)).finally(() => {
      isOver = true;
    });
    let most = 0;
    for (; !isOver; await nextTurn()) most = Math.max(most, openFiles(limited.pid));
    await ready;
    expect(most).toBeLessThan(180);
    const figures = await (await fetch(`${limited.url}/metrics`)).text();
    expect(figures).not.toMatch(/background_failures_total\{work="open_files"\} [1-9]/);
    expect(openFiles(limited.pid)).toBeLessThan(180);
    for (const client of clients) client.leave();
  });

  test("is told and mended by a server that runs", async () => {
    const running = await TestServer.start();
    server = running;
    const spare = 5;
    const limit = openFiles(running.pid) + spare;
    execFileSync("prlimit", ["--pid", String(running.pid), `--nofile=${limit}:${limit}`]);
    const http = Number(new URL(running.url).port);
    // Files that were open for a moment (pages that are made at the start) are closed later, so clients go on coming.
    const clients: RawClient[] = [];
    const comes = async (): Promise<boolean> => {
      clients.push(await RawClient.open(http));
      return /as many files open as it may/.test(running.output);
    };
    await until(comes, { tell: () => running.output });
    await Promise.race(clients.map((client) => client.closed())); // one that rested made room
    for (const client of clients) client.leave();
    await until(() => isReady(running));
    const figures = await (await fetch(`${running.url}/metrics`)).text();
    expect(figures).toMatch(/background_failures_total\{work="open_files"\} [1-9]/);
  });
});
