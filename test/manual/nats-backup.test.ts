/** The commands of docs/backup.md for NATS: what was saved, put back into servers that have lost it. */
import { fileURLToPath } from "node:url";
import { connect } from "nats";
import { afterEach, beforeEach, expect, test } from "vitest";
import { scriptOf } from "../support/manual-blocks.ts";
import { type NatsCluster, startNats } from "../support/nats.ts";
import { openPeer, type Peer } from "../support/peer.ts";
import { Reader } from "../support/reader.ts";
import { TestServer } from "../support/server.ts";

let nats: NatsCluster;
let server: TestServer;
let peer: Peer;
let reader: Reader;
beforeEach(async () => {
  nats = await startNats();
  [server, peer] = await Promise.all([TestServer.start(["--nats", nats.urls[0]!]), openPeer()]);
  reader = new Reader(server.url, { NATS_URL: nats.urls[0]! });
});
afterEach(async () => {
  await reader.close();
  await server.destroy();
  await peer.close();
  await nats.close();
});

const natsCommand = fileURLToPath(new URL("../support/nats-command.ts", import.meta.url));
async function follow(name: "nats-backup" | "nats-restore"): Promise<void> {
  const command = `nats() { '${process.execPath}' '${natsCommand}' "$@"; }`;
  const { status, stderr } = await reader.run(`${command}\n${scriptOf("docs/backup.md", name)}`);
  expect({ status, stderr: status === 0 ? "" : stderr }).toEqual({ status: 0, stderr: "" });
}
const ship = (text: string) => reader.run(`printf '${text}\\n' | tailrace ship -a kept --dyno web.1`);
const delivered = () => peer.received.map(({ body }) => body.toString()).join("");
type Drain = { readonly lag_lines: number; readonly delivered: number };
const drainOf = async () => (await server.api<Drain[]>("GET", "/apps/kept/log-drains"))[0]!;

test("a cluster that lost its streams has all lines of the backup again, and its drain goes on behind its cursor", async () => {
  await server.createApp("kept");
  await server.api("POST", "/apps/kept/log-drains", { url: peer.url });
  await ship("before the backup");
  await expect.poll(async () => (await drainOf()).delivered).toBe(1);
  await server.kill("SIGTERM"); // its cursor is written
  await follow("nats-backup");

  const connection = await connect({ servers: nats.urls[0]! });
  const manager = await connection.jetstreamManager();
  const streams = (await manager.streams.names().next()) as string[];
  expect(streams.length).toBe(18);
  for (const stream of streams) await manager.streams.delete(stream);
  await connection.close();

  await follow("nats-restore");
  await server.start();
  await ship("after it");
  const { stdout } = await reader.run("tailrace logs -a kept");
  expect(stdout).toMatch(/app\[web\.1\]: before the backup\n.*app\[web\.1\]: after it\n/);
  await expect.poll(async () => (await drainOf()).delivered).toBe(2);
  expect(delivered().match(/before the backup|after it/g)).toEqual(["before the backup", "after it"]);
});
