/** Patterns within the bounds that cost as much as patterns can, on a real server: everybody else is served meanwhile. */
import { expect, test } from "vitest";
import { kept } from "../support/kept.ts";
import { openPeer } from "../support/peer.ts";
import { randomFrom } from "../support/random.ts";
import { TestServer } from "../support/server.ts";
import { followTail } from "../support/tail-client.ts";
import { until } from "../support/until.ts";

/** A line of ten kilobytes takes a tenth of a second: the automaton is as large as it can be. */
const costly = "(?i)a[ab]{240}c";
const random = randomFrom(7);
const longLine = () => Array.from({ length: 10_000 }, () => (random() < 0.5 ? "a" : "b")).join("");

async function openServer() {
  const server = await TestServer.start();
  kept({ close: () => server.destroy() });
  const tokens = new Map<string, string>();
  for (const name of ["evil", "victim"]) tokens.set(name, (await server.createApp(name)).tokens.app!);
  const ship = async (app: string, texts: readonly string[]) => {
    const frames = texts.map(
      (text) => `<190>1 2026-01-02T03:04:05.000006+00:00 host app web.1 - - ${text}\n`,
    );
    const { status } = await fetch(`${server.url}/logs`, {
      method: "POST",
      headers: {
        authorization: `Basic ${Buffer.from(`token:${tokens.get(app)}`).toString("base64")}`,
        "content-type": "application/logplex-1",
      },
      body: frames.map((frame) => `${Buffer.byteLength(frame)} ${frame}`).join(""),
    });
    expect(status).toBe(204);
  };
  const session = async (app: string, body: object) =>
    (await server.api<{ logplex_url: string }>("POST", `/apps/${app}/log-sessions`, body)).logplex_url;
  return { server, ship, session };
}

test("one costly GET, tails and drains: others' lines come as ever, and what is late is told", async () => {
  const { server, ship, session } = await openServer();
  for (let n = 0; n < 30; n++) await ship("evil", Array.from({ length: 20 }, longLine));
  const receiver = kept(await openPeer(() => 204));
  await server.api("POST", "/apps/evil/log-drains", { url: receiver.url, filter: { match: costly } });
  await server.api("POST", "/apps/evil/log-drains", {
    url: `${receiver.url}redacted`,
    redact: { patterns: [costly] },
  });

  let isSearched = false;
  void fetch(await session("evil", { lines: 10, tail: false, match: costly }))
    .then((answer) => answer.text())
    .finally(() => {
      isSearched = true;
    })
    .catch(() => {});
  const tails = await Promise.all(
    Array.from({ length: 20 }, async (_, n) =>
      followTail(await session("evil", { lines: 0, tail: true, match: `${costly}|${n}z+y` }), () => {}),
    ),
  );
  for (const tail of tails) kept(tail);

  const seen: string[] = [];
  kept(await followTail(await session("victim", { lines: 0, tail: true }), (line) => seen.push(line)));
  for (let n = 0; n < 30; n++) {
    if (n % 3 === 0) await ship("evil", [longLine()]);
    await ship("victim", [`victim ${n}`]);
    await until(() => seen.length === n + 1, { tell: () => seen.join("\n") });
  }
  expect(isSearched).toBe(false);
  expect(seen.map((line) => line.split("victim ")[1])).toEqual(Array.from({ length: 30 }, (_, n) => `${n}`));
  // It stops as ever, though threads are amid their work.
  expect(await server.kill("SIGTERM")).toBe(0);
});
