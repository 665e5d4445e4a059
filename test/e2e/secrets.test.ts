import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { shuttleFrame } from "../support/frames.ts";
import { LedgerReceiver } from "../support/ledger.ts";
import { TestServer, testKey } from "../support/server.ts";
import { followTail } from "../support/tail-client.ts";
import { until } from "../support/until.ts";

let server: TestServer;
let receiver: LedgerReceiver;

beforeEach(async () => {
  server = await TestServer.start(["--log-level", "debug"]);
  receiver = await LedgerReceiver.open(() => 500);
});

afterEach(async () => {
  await server.destroy();
  await receiver.close();
});

test("no key, token, userinfo, header or session address is in a log line, a metric, an error or the app's stream", async () => {
  const { id, tokens } = await server.createApp("vault");
  const made = await server.api<{ access_token: { token: string } }>("POST", "/oauth/authorizations", {
    description: "limited",
    apps: ["vault"],
  });
  const limitedKey = made.access_token.token;
  const session = await server.api<{ logplex_url: string }>("POST", "/apps/vault/log-sessions", {
    tail: true,
    lines: 100,
  });
  const stream: string[] = [];
  const tail = await followTail(session.logplex_url, (line) => stream.push(line));

  const secrets: Record<string, string> = {
    "operator's key": testKey,
    "limited key": limitedKey,
    "ingest token": tokens.app!,
    "other token": tokens.heroku!,
    "drain password": "drain-pass-7c1f",
    "drain query": "query-secret-91ab",
    "drain header": "header-secret-5d2e",
    "signing secret": "signing-secret-0f3c",
    "session address": new URL(session.logplex_url).pathname.split("/").at(-1)!,
    "wrong key": "wrong-key-1b2d",
  };
  const url = receiver.url.replace("http://", "http://user:drain-pass-7c1f@");
  const drain = await server.api<{ id: string }>("POST", "/apps/vault/log-drains", {
    url: `${url}?key=query-secret-91ab`,
    headers: { "X-Api-Key": "header-secret-5d2e" },
    secret: "signing-secret-0f3c",
  });

  const errors: string[] = [];
  const provoke = async (path: string, init: RequestInit) => {
    const response = await fetch(server.url + path, init);
    errors.push(`${response.status} ${JSON.stringify([...response.headers])} ${await response.text()}`);
  };
  const basic = (password: string) => `Basic ${Buffer.from(`token:${password}`).toString("base64")}`;
  const logs = { method: "POST", body: new Uint8Array(shuttleFrame("hello")) };
  const type = { "content-type": "application/logplex-1" };
  await provoke("/logs", { ...logs, headers: { authorization: basic(tokens.app!), ...type } });
  await provoke("/logs", { ...logs, headers: { authorization: basic("t.wrong-key-1b2d"), ...type } });
  await provoke("/logs", {
    method: "POST",
    body: "junk",
    headers: { authorization: basic(tokens.app!), ...type },
  });
  await provoke("/apps/vault", { headers: { authorization: "Bearer wrong-key-1b2d" } });
  await provoke("/apps/other", { headers: { authorization: `Bearer ${limitedKey}` } });
  await provoke(`/apps/vault/log-drains/${drain.id}/actions/test`, {
    method: "POST",
    headers: { authorization: `Bearer ${limitedKey}` },
  });
  await provoke(`${new URL(session.logplex_url).pathname}x`, {});
  await provoke("/apps/vault/log-drains", {
    method: "POST",
    headers: { authorization: `Bearer ${testKey}`, "content-type": "application/json" },
    body: JSON.stringify({ url: "ftp://user:drain-pass-7c1f@example.com/?key=query-secret-91ab" }),
  });
  // What people paste where it does not belong comes back in no answer that they may pass on.
  const asOperator = { authorization: `Bearer ${testKey}`, "content-type": "application/json" };
  const post = (body: object) => ({ method: "POST", headers: asOperator, body: JSON.stringify(body) });
  const sessionPath = new URL(session.logplex_url).pathname;
  for (const secret of [limitedKey, tokens.app!]) {
    await provoke(`/apps/${secret}`, { headers: asOperator });
    await provoke(`/apps?key=${secret}`, {});
    await provoke(`/nowhere/${secret}`, {});
    await provoke("/apps", post({ name: secret }));
    await provoke("/v3/channels/vault/tokens", post({ name: `${secret}!` }));
    await provoke("/apps/vault/log-sessions", post({ since: secret }));
    await provoke(`/oauth/authorizations/${secret}`, { headers: asOperator });
    await provoke(`/v3/channels/vault/tokens/${secret}`, { headers: asOperator });
    await provoke("/logs", { method: "POST", headers: { authorization: `Bearer ${secret}`, ...type } });
  }
  await provoke(`${sessionPath}/more`, {});
  await provoke(sessionPath, { method: "PUT" });
  await provoke(`${sessionPath}?after=wrong`, {});
  const raw = connect(Number(new URL(server.url).port), "127.0.0.1");
  raw.end(`GET ${sessionPath} HTTP/1.1\r\nAuthorization: Bearer ${limitedKey}\r\nbad header\r\n\r\n`);
  errors.push((await raw.toArray()).join(""));
  const syslog = connect(server.syslogPort, "127.0.0.1");
  syslog.end(`no frame but ${tokens.app}\nno frame but ${limitedKey}\n`);
  await once(syslog.resume(), "close");
  await until(() => receiver.requests.length > 2 && stream.some((line) => line.includes("hello")), {
    tell: () => `${receiver.requests.length} requests, ${stream.length} lines`,
  });
  await until(
    async () => {
      const [found] = await server.api<{ last_error?: unknown }[]>("GET", "/apps/vault/log-drains");
      return found!.last_error !== null && found!.last_error !== undefined;
    },
    { tell: () => "the drain shows no error" },
  );
  const [shown] = await server.api<Record<string, unknown>[]>("GET", "/apps/vault/log-drains");
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  await server.api("DELETE", `/apps/${id}`);
  await tail.close().catch(() => {});
  await server.kill("SIGTERM");

  const { url: _, ...drainWithoutUrl } = shown!; // the URL is the owner's, as given: the CLI pastes it back
  const places = {
    "the server's log": server.output,
    metrics,
    "an error": errors.join("\n"),
    "the app's stream": stream.join("\n"),
    "the drain's view": JSON.stringify(drainWithoutUrl),
  };
  expect(errors.length).toBe(30);
  for (const [place, text] of Object.entries(places)) {
    expect(text.length, place).toBeGreaterThan(0);
    const found = Object.entries(secrets).filter(([, secret]) => text.includes(secret));
    expect(found.map(([name]) => `${name} in ${place}`)).toEqual([]);
  }
});
