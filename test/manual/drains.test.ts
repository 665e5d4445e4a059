/** What docs/sending.md, docs/destinations.md and docs/drains.md say of tokens and drains, run. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { blockOf, scriptOf, stepsOf } from "../support/manual-blocks.ts";
import { openPeer, type Peer } from "../support/peer.ts";
import { Reader } from "../support/reader.ts";
import { TestServer } from "../support/server.ts";
import { readText } from "../support/sources.ts";
import { ca } from "../support/tls.ts";

let server: TestServer;
let peer: Peer;
let reader: Reader;
beforeAll(async () => {
  [server, peer] = await Promise.all([TestServer.start(), openPeer()]);
  reader = new Reader(server.url);
});
afterAll(async () => {
  await reader.close();
  await server.destroy();
  await peer.close();
});

let apps = 0;
let app: string;
beforeEach(async () => {
  app = `app-${++apps}`;
  await server.createApp(app);
});

type Drain = Readonly<Record<string, unknown>> & { readonly token: string };
const drainsOf = () => server.api<Drain[]>("GET", `/apps/${app}/log-drains`);
const add = (body: object = {}) =>
  server.api<Drain>("POST", `/apps/${app}/log-drains`, { url: `${peer.url}/in`, ...body });
async function follow(
  page: string,
  name: string,
  replaced: Readonly<Record<string, string>>,
): Promise<string> {
  const { status, stdout, stderr } = await reader.run(scriptOf(page, name, replaced));
  expect({ status, stderr: status === 0 ? "" : stderr }).toEqual({ status: 0, stderr: "" });
  return stdout;
}

test("tokens are made and listed", async () => {
  const shown = await follow("docs/sending.md", "tokens", { "-a shop": `-a ${app}` });
  expect(shown).toMatch(/^http:\/\/token:t\.[\w.-]+@127\.0\.0\.1:\d+\/logs$/m);
  expect(shown).toMatch(/^SOURCE +TOKEN +SYSLOG TAG +KEEPS +URL$/m);
  await follow("docs/sending.md", "boxes", { "-a boxes": `-a ${app}` });
  expect(
    await follow("docs/sending.md", "tokens", { "-a shop app": `-a ${app} other`, "-a shop": `-a ${app}` }),
  ).toMatch(/^syslog .*hostname.*source/m);
});

test("a file is sent by README's one line of curl", async () => {
  const [, line] = /`(curl --data-binary @file [^`]*)`/.exec(readText("README.md"))!;
  const { tokens } = await server.api<{ tokens: { app: string } }>("GET", `/v3/channels/${app}`);
  writeFileSync(join(reader.folder, "file"), "from a file\n");
  const url = server.url.replace("//", `//token:${tokens.app}@`);
  expect(await reader.run(`URL='${url}/logs'\n${line} -f`)).toMatchObject({ status: 0 });
  expect((await reader.run(`tailrace logs -a ${app}`)).stdout).toMatch(/ app\[cron\.1\]: from a file\n$/);
});

test("a drain is added by a command, and its JSON is what the page has for that receiver", async () => {
  const shown = await follow("docs/destinations.md", "command", {
    APP: app,
    "https://loki.example.com": "https://127.0.0.1:9",
  });
  expect(shown).toMatch(/^Added drain /);
  const { headers } = JSON.parse(blockOf("docs/destinations.md", "loki").body);
  const hidden = Object.fromEntries(Object.keys(headers).map((name) => [name, "(hidden)"]));
  expect(await drainsOf()).toMatchObject([
    { url: "https://127.0.0.1:9/loki/api/v1/push", format: "loki", headers: hidden },
  ]);
});

test("a drain is added by its JSON", async () => {
  writeFileSync(
    join(reader.folder, "drain.json"),
    JSON.stringify({ url: `${peer.url}/in`, format: "ndjson" }),
  );
  const added = await follow("docs/destinations.md", "add", {
    "http://127.0.0.1:8601": server.url,
    APP: app,
  });
  expect(JSON.parse(added)).toMatchObject({ url: `${peer.url}/in`, format: "ndjson" });
  expect(await drainsOf()).toHaveLength(1);
});

test("a drain is changed, a part of its filter taken away", async () => {
  const { token } = await add({
    url: "https://127.0.0.1:9/in",
    filter: { sources: ["app"] },
    headers: { "X-A": "b" },
  });
  writeFileSync(join(reader.folder, "authority.pem"), ca);
  await follow("docs/drains.md", "update", {
    DRAIN: token,
    APP: app,
    "https://logs.example.com/new": "https://127.0.0.1:9/new",
  });
  expect(await drainsOf()).toMatchObject([
    { url: "https://127.0.0.1:9/new", headers: {}, filter: { match: "error" } },
  ]);
  expect((await drainsOf())[0]!.filter).not.toHaveProperty("sources");
});

test("a drain is paused, goes on, and replays, with the number of lines", async () => {
  const { token } = await add();
  await reader.run(`printf 'one\\ntwo\\n' | tailrace ship -a ${app} --dyno web.1`);
  await expect.poll(async () => (await drainsOf())[0]!.delivered).toBe(2);
  const shown = await follow("docs/drains.md", "replay", { DRAIN: token, APP: app });
  expect(shown).toMatch(/^Paused drain .*\nResumed drain .*\nDrain \S+ gets 2 lines since \S+ once more$/m);
  await expect.poll(async () => (await drainsOf())[0]!.replayed).toBe(2);
});

test("a secret is followed by another, until the one before is dropped", async () => {
  const { token } = await add({ secret: "OLD" });
  const [next, drop] = stepsOf("docs/drains.md", "secrets", 2, { DRAIN: token, APP: app });
  const signatures = async (command: string) => {
    expect(await reader.run(command)).toMatchObject({ status: 0 });
    await server.api("POST", `/apps/${app}/log-drains/${token}/actions/test`);
    return String(peer.received.at(-1)!.headers["tailrace-signature"]).match(/v1=/g)!.length;
  };
  expect(await signatures(next!)).toBe(2);
  expect(await signatures(drop!)).toBe(1);
});

test("a redaction of the page is one that a drain takes", async () => {
  const { token } = await add();
  const body = JSON.parse(blockOf("docs/drains.md", "redact").body);
  await server.api("PATCH", `/apps/${app}/log-drains/${token}`, body);
  expect(await drainsOf()).toMatchObject([body]);
});
