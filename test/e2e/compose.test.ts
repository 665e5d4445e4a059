/** docker-compose.yml, run as processes: that it works as written, and that nothing is lost when any part of it dies. */
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ComposeCluster } from "../support/compose.ts";
import { ExampleRun } from "../support/example-run.ts";
import { examplesBelow } from "../support/examples.ts";
import { LedgerReceiver, Sightings, sendNumbered } from "../support/ledger.ts";
import { readText } from "../support/sources.ts";
import { followTail } from "../support/tail-client.ts";
import { until } from "../support/until.ts";

const senders = 4;
const linesOfSender = 1500;

let cluster: ComposeCluster;
let receiver: LedgerReceiver;

beforeAll(async () => {
  receiver = await LedgerReceiver.open();
  cluster = await ComposeCluster.read();
  await Promise.all(cluster.named("nats").map((name) => cluster.start(name)));
  await Promise.all(
    ["control", "ingest-1", "ingest-2", "drain-1", "drain-2", "receiver"].map((name) => cluster.start(name)),
  );
  await cluster.start("front");
});

afterAll(async () => {
  await cluster.close();
  await receiver.close();
});

async function api<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
  const response = await fetch(cluster.url("front") + path, {
    method,
    headers: { authorization: `Bearer ${cluster.key}`, "content-type": "application/json" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as Answer;
}

type Drain = { delivered: number; refused: number; lost: number; filtered: number; lag_lines: number };

test("README.md's own commands, at the address in front alone", async () => {
  const page = readText("README.md");
  const run = await ExampleRun.open(page, { port: new URL(cluster.url("front")).port, key: cluster.key });
  try {
    const sections = ["Try it", "Read and follow", "Send logs", "Drains", "Run an app", "Keys"];
    const examples = examplesBelow(page, sections).filter(({ terminal }) => terminal !== "server"); // the cluster is there
    expect(examples.filter(({ kind }) => kind === "sh").length).toBeGreaterThan(8);
    for (const example of examples) await run.follow(example);
  } finally {
    await run.close();
  }
}, 180_000);

test("the address in front leads to the health of the API and to no figures; a node says whose a path is", async () => {
  const answer = async (name: string, path: string) => {
    const response = await fetch(cluster.url(name) + path);
    return { status: response.status, text: await response.text() };
  };
  for (const path of ["/healthz", "/readyz", "/docs/json"])
    expect((await answer("front", path)).status).toBe(200);
  expect((await answer("front", "/metrics")).status).toBe(404);
  expect(await answer("control", "/logs")).toMatchObject({
    status: 421,
    text: expect.stringContaining("This node has the roles tail, control, and /logs needs the role ingest."),
  });
  expect(await answer("ingest-1", "/apps")).toMatchObject({
    status: 421,
    text: expect.stringContaining("This node has the role ingest, and /apps needs the role control."),
  });
});

test("a ledger run while ingest, drain and tail nodes and a NATS server are killed with -9 and come back", async () => {
  expect(Object.keys(cluster.services).sort()).toEqual(
    [
      "control",
      "drain-1",
      "drain-2",
      "front",
      "ingest-1",
      "ingest-2",
      "nats-1",
      "nats-2",
      "nats-3",
      "receiver",
    ].sort(),
  );
  await api("POST", "/apps", { name: "ledger" });
  const { tokens } = await api<{ tokens: { app: string } }>("GET", "/v3/channels/ledger");
  await api("POST", "/apps/ledger/log-drains", { url: receiver.url });
  await api("POST", "/apps/ledger/log-drains", { url: `${cluster.url("receiver")}/` });
  const session = await api<{ logplex_url: string }>("POST", "/apps/ledger/log-sessions", {
    lines: 0,
    tail: true,
  });
  const seen = new Sightings();
  const tail = await followTail(session.logplex_url, (line) => seen.add(line));

  const sending = Promise.all(
    Array.from({ length: senders }, (_, sender) => {
      let attempt = sender; // each next try goes elsewhere, under the same dedup id
      return sendNumbered({
        url: () => cluster.url(["ingest-1", "front", "ingest-2", "front"][attempt++ % 4]!),
        token: tokens.app,
        sender,
        count: linesOfSender,
        linesEach: 10,
        pauseMs: 60,
      });
    }),
  );
  for (const name of ["ingest-1", "drain-1", "control", "nats-2", "drain-2", "ingest-2"]) {
    await delay(800);
    await cluster.kill(name);
    await delay(400);
    await cluster.start(name);
  }
  const sent = await sending;
  expect(sent.reduce((sum, { retries }) => sum + retries, 0)).toBeGreaterThan(0);

  const total = senders * linesOfSender;
  await until(() => receiver.sightings.distinct === total && seen.distinct === total, {
    tell: () => `the drain got ${receiver.sightings.distinct}, the tail ${seen.distinct} of ${total}`,
  });
  await until(
    async () =>
      (await api<Drain[]>("GET", "/apps/ledger/log-drains")).every(({ lag_lines }) => lag_lines === 0),
    { tell: () => "a drain lags" },
  );
  await tail.close();
  expect(receiver.sightings.flaw(senders, linesOfSender)).toBeUndefined();
  expect(seen.flaw(senders, linesOfSender)).toBeUndefined();
  expect(seen.repeats).toBe(0);
  for (const { delivered, refused, lost, filtered } of await api<Drain[]>("GET", "/apps/ledger/log-drains")) {
    expect({ sum: delivered + refused + lost + filtered, refused, lost }).toEqual({
      sum: total,
      refused: 0,
      lost: 0,
    });
  }
  expect(cluster.output("receiver")).toContain(`ledger sender=0 n=${linesOfSender - 1}`);
}, 300_000);
