/** What the doctor says of a real NATS server. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { connect } from "nats";
import pino from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { realClock } from "../../src/clock.ts";
import { lookAtNats } from "../../src/doctor/nats.ts";
import { openNats } from "../../src/engines/nats/open.ts";
import { kept } from "../support/kept.ts";
import { freePorts, type NatsCluster, startNats } from "../support/nats.ts";

const nowMs = () => realClock.nowMs();
let nats: NatsCluster;
let closedPort: number;
beforeAll(async () => {
  nats = await startNats();
  [closedPort] = (await freePorts(1)) as [number];
});
afterAll(() => nats.close());

const look = (natsReplicas = 1, monitoringPort = closedPort, now = nowMs) =>
  lookAtNats({ nats: nats.urls, natsReplicas }, now, monitoringPort);

test("no finding without --nats, and an ill one where nothing listens", async () => {
  expect(await lookAtNats({ natsReplicas: 1 }, nowMs)).toEqual([]);
  const found = await lookAtNats({ nats: [`nats://127.0.0.1:${closedPort}`], natsReplicas: 1 }, nowMs);
  expect(found).toMatchObject([{ part: "nats", state: "ill", mend: expect.any(String) }]);
});

test("a fresh server is well; when it syncs is unknown without its monitoring port", async () => {
  expect(await look()).toMatchObject([
    { part: "nats", state: "well", what: expect.stringMatching(/^nats-server \d/) },
    { part: "jetstream", state: "well" },
    { part: "sync", state: "unknown", mend: expect.stringContaining("sync_interval: always") },
  ]);
});

test("copies other than the settings say are ill, and so is a stream that is gone; a clock that is away is warned of", async () => {
  const retention = { ageMsMax: 1e9, channelBytesMax: 1e9, channelLinesMax: 1e9, totalBytesMax: 1e9 };
  const logger = pino({ level: "silent" });
  const engine = await openNats({
    urls: nats.urls,
    replicas: 1,
    clock: realClock,
    retention,
    logger,
    shards: 3,
  });
  await engine.close();
  const stateOf = (found: Awaited<ReturnType<typeof look>>, part: string) =>
    found.find((finding) => finding.part === part)?.state;
  const well = await look();
  expect(stateOf(well, "copies")).toBe("well");
  expect(["well", "unknown"]).toContain(stateOf(well, "clock"));
  expect(stateOf(await look(3), "copies")).toBe("ill");
  const away = stateOf(await look(1, closedPort, () => nowMs() + 3_600_000), "clock");
  expect(away).toBe(stateOf(well, "clock") === "unknown" ? "unknown" : "warning");
  expect(stateOf(well, "streams")).toBeUndefined();
  const connection = await connect({ servers: [...nats.urls] });
  await (await connection.jetstreamManager()).streams.delete("tailrace-log-1");
  await connection.close();
  expect(await look()).toContainEqual({
    part: "streams",
    state: "ill",
    what: "deleted from NATS: tailrace-log-1",
    mend: expect.stringContaining("backup"),
  });
});

test.each([
  [{ sync_always: true, sync_interval: 120_000_000_000 }, "well"],
  [{ sync_interval: 120_000_000_000 }, "warning"],
  [{}, "unknown"],
])("its monitoring port says %j: %s", async (config, state) => {
  const server = createServer((_request, response) => response.end(JSON.stringify({ config })));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  kept({ close: async () => server.closeAllConnections() ?? server.close() });
  const found = await look(1, (server.address() as AddressInfo).port);
  expect(found.at(-1)).toMatchObject({ part: "sync", state });
});
