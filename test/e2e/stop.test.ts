import { afterEach, expect, test } from "vitest";
import { shuttleFrame } from "../support/frames.ts";
import { LedgerReceiver, sendNumbered } from "../support/ledger.ts";
import { stores, TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";

let server: TestServer;

afterEach(() => server?.destroy());

test.each(stores)(
  "SIGTERM ends tails cleanly, finishes a delivery under way, commits the cursor and exits 0, on %s",
  async (store) => {
    server = await TestServer.startOn(store);
    let answers = 0;
    const receiver = await LedgerReceiver.open(() => {
      answers++;
      return 200;
    });
    const { tokens } = await server.createApp("stop");
    await server.api("POST", "/apps/stop/log-drains", { url: receiver.url });
    const session = await server.api<{ logplex_url: string }>("POST", "/apps/stop/log-sessions", {
      tail: true,
    });
    const stream = await fetch(session.logplex_url);
    await sendNumbered({ url: () => server.url, token: tokens.app!, sender: 0, count: 50, linesEach: 10 });
    await until(() => receiver.sightings.distinct === 50, {
      tell: () => `${receiver.sightings.distinct} of 50`,
    });
    expect(await server.kill("SIGTERM")).toBe(0);
    expect((await stream.text()).trim().split("\n").length).toBe(50); // a reset would reject

    await server.start();
    await sendNumbered({ url: () => server.url, token: tokens.app!, sender: 1, count: 1, linesEach: 1 });
    await until(() => receiver.sightings.distinct === 51, {
      tell: () => `${receiver.sightings.distinct} of 51`,
    });
    expect(receiver.sightings.repeats).toBe(0);
    expect(answers).toBeGreaterThan(0);
    await receiver.close();
  },
);

test("a wrong setting names the option, the value and the mend, with status 2", async () => {
  for (const [args, words] of [
    [
      ["--retain", "2"],
      ["--retain", "'2'", "ms, s, m, h, d"],
    ],
    [
      ["--http", "nowhere"],
      ["--http", "nowhere", "HOST:PORT"],
    ],
    [
      ["--drain-allow", "10.0.0.0"],
      ["--drain-allow", "10.0.0.0", "CIDR"],
    ],
  ] as const) {
    const failure = await TestServer.start(args).catch((error: Error) => error.message);
    expect(failure).toContain("exit 2");
    for (const word of words) expect(failure).toContain(word);
  }
});

test("a second server on the same data folder is refused and says why", async () => {
  server = await TestServer.start();
  const { data } = server;
  const failure = await TestServer.start(["--data", data]).catch((error: Error) => error.message);
  expect(failure).toContain(String(server.pid));
  const response = await fetch(`${server.url}/healthz`);
  expect(response.status).toBe(200);
});

test.each(stores)(
  "lines over TCP are routed by their token, many apps on one connection, on %s",
  async (store) => {
    server = await TestServer.startOn(store);
    const { connect } = await import("node:net");
    const apps = [await server.createApp("one"), await server.createApp("two")];
    const socket = connect(server.syslogPort, "127.0.0.1");
    const frames = [0, 1, 2, 3].map((n) => shuttleFrame(`line ${n}`, { app: apps[n % 2]!.tokens.app! }));
    socket.end(Buffer.concat(frames));
    const linesOf = async (name: string) => {
      const { logplex_url } = await server.api<{ logplex_url: string }>(
        "POST",
        `/apps/${name}/log-sessions`,
        {
          lines: 10,
          tail: false,
        },
      );
      return (await (await fetch(logplex_url)).text()).split("\n").map((line) => line.slice(-6));
    };
    await until(async () => (await linesOf("one")).length === 3 && (await linesOf("two")).length === 3, {
      tell: () => "no lines",
    });
    expect(await linesOf("one")).toEqual(["line 0", "line 2", ""]);
    expect(await linesOf("two")).toEqual(["line 1", "line 3", ""]);
  },
);
