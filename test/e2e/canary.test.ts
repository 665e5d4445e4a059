/** The canary of a real server: its lines come back by every way, and its address is nobody else's. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stores, TestServer, testKey } from "../support/server.ts";
import { until } from "../support/until.ts";

type Drain = { readonly id: string; readonly url: string };
const app = "tailrace-canary";

describe.each(stores)("on %s", (store) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await TestServer.startOn(store, ["--canary", "200ms"]);
  });
  afterAll(() => server.destroy());

  const figure = async (name: string, labels = ""): Promise<number> => {
    const text = await (await fetch(`${server.url}/metrics`)).text();
    const line = text.split("\n").find((one) => one.startsWith(`tailrace_canary_${name}${labels} `));
    return line === undefined ? 0 : Number(line.split(" ").at(-1));
  };
  const back = (way: string) => figure("delay_seconds_count", `{way="${way}"}`);
  const came = (way: string, more: number) =>
    until(async () => (await back(way)) >= more, { tell: () => `too few by ${way}` });
  const echoUrl = async () => (await server.api<Drain[]>("GET", `/apps/${app}/log-drains`))[0]!.url;

  test("its lines come back from the log and through its drain, and none is lost", async () => {
    await came("log", 3);
    await came("drain", 3);
    expect(await figure("sent_lines_total")).toBeGreaterThanOrEqual(3);
    for (const way of ["log", "drain"]) expect(await figure("lost_lines_total", `{way="${way}"}`)).toBe(0);
    expect(await figure("refused_lines_total")).toBe(0);
  });

  test("a receiver that hands its lines on is told apart; whoever does not know the address finds nothing", async () => {
    const session = await server.api<{ logplex_url: string }>("POST", `/apps/${app}/log-sessions`, {
      lines: 1,
      tail: true,
    });
    const stream = await fetch(session.logplex_url);
    const reader = stream.body!.getReader();
    // A receiver as somebody may have it: it posts on what it got, in a form of its own.
    const handOn = async () => {
      for (let n = 0; n < 4; n++) {
        const { value } = await reader.read();
        await fetch(await echoUrl(), {
          method: "POST",
          body: `{"event":${JSON.stringify(Buffer.from(value!).toString())}}`,
        });
      }
    };
    await handOn();
    await came("receiver", 1);
    await reader.cancel();
    const wrong = await fetch(`${server.url}/canary/echo/${"x".repeat(32)}`, {
      method: "POST",
      body: "canary",
    });
    expect(wrong.status).toBe(404);
  });

  test("no other app may have a drain to this server, and a restart goes on with the drain it has", async () => {
    await server.api("POST", "/apps", { name: "other" });
    const { origin } = new URL(await echoUrl());
    const refused = await fetch(`${server.url}/apps/other/log-drains`, {
      method: "POST",
      headers: { authorization: `Bearer ${testKey}`, "content-type": "application/json" },
      body: JSON.stringify({ url: `${origin}/canary/echo/${"x".repeat(32)}` }),
    });
    expect(refused.status).toBe(422);
    const before = await server.api<Drain[]>("GET", `/apps/${app}/log-drains`);
    await server.kill("SIGTERM");
    await server.start();
    await came("drain", 3);
    const after = await server.api<Drain[]>("GET", `/apps/${app}/log-drains`);
    expect(after.map(({ id }) => id)).toEqual(before.map(({ id }) => id));
  });
});
