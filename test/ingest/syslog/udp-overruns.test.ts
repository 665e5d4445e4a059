/** Datagrams that the system drops are known by number: sent = taken + overrun. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, isIPv6 } from "node:net";
import { endianness } from "node:os";
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { udpListener } from "../../../src/ingest/syslog/syslog-udp.ts";
import { dropsIn, localAddress, UdpOverruns } from "../../../src/ingest/syslog/udp-overruns.ts";
import { datagrams } from "../../../src/metrics.ts";
import { kept } from "../../support/kept.ts";
import { until } from "../../support/until.ts";
import { doorOptions } from "../doors.ts";
import { tokenOf } from "../registry.ts";

const table = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  301: 0100007F:0202 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 9001 2 0000000000000000 7
 1302: 00000000:0203 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 9002 2 0000000000000000 59397
`;

test.each([
  ["0100007F:0202", 7],
  ["00000000:0203", 59_397],
  ["00000000:0202", 0], // nobody's
])("the row of %s tells %i", (local, drops) => {
  expect(dropsIn(table, local)).toBe(drops);
});

test("a table that is not there, or has other columns, tells nothing", () => {
  expect(dropsIn("", "0100007F:0202")).toBe(0);
  expect(dropsIn(" 1: 0100007F:0202 what", "0100007F:0202")).toBe(0);
});

test.runIf(endianness() === "LE").each([
  ["127.0.0.1", 514, "0100007F:0202"],
  ["0.0.0.0", 6514, "00000000:1972"],
  ["::", 514, "00000000000000000000000000000000:0202"],
  ["::1", 514, "00000000000000000000000001000000:0202"],
  ["fe80::1:2", 514, "000080FE000000000000000002000100:0202"],
])("%s port %i is %s", (address, port, local) => {
  expect(localAddress({ address, port })).toBe(local);
});

/** Sends so many datagrams, and then says so, while the thread that reads is kept from reading. */
const flood = `
const { parentPort, workerData: { port, count, text } } = require("node:worker_threads");
const socket = require("node:dgram").createSocket("udp4");
let sent = 0;
const send = () => socket.send(text, port, "127.0.0.1", () => (++sent < count ? send() : parentPort.postMessage(sent)));
send();
`;

async function floodOf(port: number, count: number, text: string): Promise<void> {
  const worker = new Worker(flood, { eval: true, workerData: { port, count, text } });
  kept({ close: () => worker.terminate() });
  const found = once(worker, "message");
  for (const endMs = performance.now() + 500; performance.now() < endMs; ); // nothing is read
  await found;
}

/** What the system keeps for a socket until it is read. */
function waitingBytes(at: AddressInfo): number {
  const rows = readFileSync(
    isIPv6(at.address) ? "/proc/self/net/udp6" : "/proc/self/net/udp",
    "latin1",
  ).split("\n");
  const row = rows.map((text) => text.trim().split(/\s+/)).find((cells) => cells[1] === localAddress(at));
  return Number.parseInt(row![4]!.split(":")[1]!, 16);
}

const fates = async () => {
  const { values } = await datagrams.get();
  const of = (fate: string) => values.find(({ labels }) => labels.fate === fate)?.value ?? 0;
  return { taken: of("taken"), overrun: of("overrun") };
};

test.runIf(process.platform === "linux")("sent = taken + overrun, when the listener has closed", async () => {
  const count = 20_000;
  const before = await fates();
  const { options } = doorOptions();
  const listener = await udpListener(options);
  await floodOf(listener.address.port, count, `<190>1 - box ${tokenOf(1)} web.1 - - ${"x".repeat(900)}`);
  await until(() => waitingBytes(listener.address) === 0); // what the system kept has been read
  await listener.close();
  const after = await fates();
  expect(after.overrun - before.overrun).toBeGreaterThan(0);
  expect(after.taken - before.taken + after.overrun - before.overrun).toBe(count);
});

test.runIf(process.platform === "linux")("each overrun is told once", async () => {
  const socket = createSocket({ type: "udp6", recvBufferSize: 4096 });
  kept({ close: async () => void socket.close() });
  socket.bind(0, "::1");
  await once(socket, "listening");
  const overruns = new UdpOverruns(socket.address());
  expect(await overruns.more()).toBe(0);
  const sender = createSocket("udp6");
  kept({ close: async () => void sender.close() });
  let [taken, found] = [0, 0];
  socket.on("message", () => taken++);
  for (let i = 0; i < 200; i++) sender.send("x".repeat(1000), socket.address().port, "::1");
  await until(async () => (found += await overruns.more()) + taken === 200);
  expect(found).toBeGreaterThan(0);
  expect(await overruns.more()).toBe(0);
});
