/** A cluster without one address in front: what people type leads to the nodes that do it, or says what is missing. */
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { runCli, startCli } from "../support/cli.ts";
import { kept } from "../support/kept.ts";
import { startNats } from "../support/nats.ts";
import { TestServer, testKey } from "../support/server.ts";
import { until } from "../support/until.ts";

const started: TestServer[] = [];
afterEach(() => Promise.all(started.splice(0).map((server) => server.destroy())));

test("senders are told --ingest-url; who asks a node for what it does not do is told so", async () => {
  const nats = kept(await startNats());
  const node = async (...args: string[]) => {
    const server = await TestServer.start(["--nats", nats.urls.join(","), ...args]);
    started.push(server);
    return server;
  };
  const ingest = await node("--roles", "ingest");
  const control = await node("--roles", "control,tail", "--ingest-url", ingest.url);
  const unaware = await node("--roles", "control,tail");
  await control.createApp("todo");
  const tailrace = (at: TestServer, ...args: string[]) =>
    runCli(args, { PATH: process.env.PATH!, TAILRACE_URL: at.url, TAILRACE_API_KEY: testKey }, "a line\n");

  const { stdout: tokens } = await tailrace(control, "tokens", "-a", "todo");
  expect(tokens).toMatch(new RegExp(`http://token:t\\.[0-9a-f-]+@${new URL(ingest.url).host}/logs`));
  expect(await tailrace(control, "ship", "-a", "todo", "--dyno", "cron.1")).toMatchObject({
    status: 0,
    stderr: "",
  });
  expect((await tailrace(control, "logs", "-a", "todo")).stdout).toContain("app[cron.1]: a line");

  const shipped = await tailrace(unaware, "ship", "-a", "todo");
  expect(shipped.status).toBe(1);
  expect(shipped.stderr).toContain("This node has the roles tail, control, and /logs needs the role ingest.");
  expect(shipped.stderr).toContain("--ingest-url");
  const second = await node("--roles", "ingest");
  for (const { syslogPort } of [ingest, second]) {
    const socket = connect(syslogPort, "127.0.0.1");
    socket.end("<13>1 - box nobody - - - a line without a token\n");
    await once(socket.resume(), "close");
  }
  const places = [ingest, second].map(({ url }) => `${hostname()}:${new URL(url).port}`);
  for (const at of [ingest, second, control]) {
    let heard: { node: string; door: string; last_error: { cause: string } }[] = [];
    const hear = async () => {
      const { stdout } = await tailrace(at, "sources", "--json");
      heard = (JSON.parse(stdout) as typeof heard).filter(({ door }) => door === "syslog");
      return heard.length === places.length;
    };
    await until(hear, { tell: () => JSON.stringify(heard) });
    expect(heard.map((sender) => sender.node).sort()).toEqual([...places].sort());
    for (const { last_error } of heard) expect(last_error.cause).toMatch(/token/);
  }
  expect((await tailrace(control, "sources")).stdout).toMatch(/^NODE +PEER +DOOR/);

  const asked = await tailrace(ingest, "apps");
  expect(asked.status).toBe(1);
  expect(asked.stderr).toContain("This node has the role ingest, and /apps needs the role control.");
});

test("a node warns of an operator's key of its own beside others, and of a log in its folder that it does not use", async () => {
  const nats = kept(await startNats());
  const data = await mkdtemp(join(tmpdir(), "tailrace-own-key-"));
  kept({ close: () => rm(data, { recursive: true }) });
  const said = async (...args: string[]) => {
    const serve = ["serve", "--http", "127.0.0.1:0", "--syslog", "off", "--data", data];
    const child = startCli([...serve, ...args], { PATH: process.env.PATH! });
    let stdout = "";
    child.stdout.on("data", (text) => (stdout += text));
    await until(() => stdout.includes('"msg":"listening"'), { tell: () => stdout });
    child.kill("SIGTERM");
    await once(child, "close");
    return stdout;
  };
  const onNats = ["--nats", nats.urls.join(",")];
  const beside = await said(...onNats, "--roles", "tail");
  expect(beside).toContain("give all nodes one, as TAILRACE_API_KEY");
  expect(beside).toMatch(/"roles":\["tail"\],"msg":"listening"/);
  expect(await said(...onNats)).not.toContain('"level":40');
  await said();
  expect(await said(...onNats)).toContain("holds the log of an embedded store");
});
