/** What the operator's log says of lines that ingest does not take. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import pino from "pino";
import { expect, test } from "vitest";
import { Canary, type CanaryParts } from "../../src/canary/canary.ts";
import { realClock } from "../../src/clock.ts";
import { freePorts } from "../support/nats.ts";
import { until } from "../support/until.ts";

const echoUrl = "http://127.0.0.1:9/canary/echo/x";

function canary(): { readonly canary: Canary; readonly said: object[] } {
  const said: object[] = [];
  const logger = pino({ base: null, timestamp: false }, { write: (line) => said.push(JSON.parse(line)) });
  const parts = {
    apps: { get: async () => ({ id: "app" }) },
    tokens: { list: async () => [{ source: "canary", token: "t.x" }] },
    drains: { list: async () => [{ id: "drain", url: echoUrl }] },
    log: { follow: async function* () {} },
    clock: realClock,
    everyMs: 1,
    limits: { lostMs: 60_000, waitingMax: 5 },
    logger,
  };
  return { canary: new Canary(parts as unknown as CanaryParts), said };
}

test("one that nobody took is told once, with the address", async () => {
  const { canary: sends, said } = canary();
  const [port = 0] = await freePorts(1);
  await sends.start(echoUrl, `http://127.0.0.1:${port}`);
  await until(() => said.length > 0);
  await sends.close();
  expect(said).toEqual([
    {
      level: 40,
      at: `http://127.0.0.1:${port}`,
      reason: "ECONNREFUSED",
      msg: "the canary's line was not taken",
    },
  ]);
});

test("one that the server's own stop cuts off is no failure", async () => {
  const { canary: sends, said } = canary();
  const silent = createServer(() => {}).listen(0, "127.0.0.1");
  await once(silent, "listening");
  const asked = once(silent, "request");
  await sends.start(echoUrl, `http://127.0.0.1:${(silent.address() as AddressInfo).port}`);
  await asked;
  await sends.close();
  expect(said).toEqual([]);
  silent.closeAllConnections();
  silent.close();
});
