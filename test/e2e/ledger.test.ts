import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { LedgerReceiver, Sightings, sendNumbered, type Treatment } from "../support/ledger.ts";
import { stores, TestServer } from "../support/server.ts";
import { followTail } from "../support/tail-client.ts";
import { until } from "../support/until.ts";

const senders = 4;
const linesOfSender = 1500;
const killsMax = 4;

let server: TestServer;
let healthy: LedgerReceiver;
let faulty: LedgerReceiver;

beforeEach(async () => {
  healthy = await LedgerReceiver.open();
  const later = { status: 429, headers: { "retry-after": "1" } };
  const faults: readonly Treatment[] = [500, 200, later, 200, "reset", 200, 503, 200, 404, 200, 302, 200];
  faulty = await LedgerReceiver.open((request) => {
    if (request === 20) return "hang"; // until the attempt times out
    return request < 60 ? faults[request % faults.length]! : 200;
  });
});

afterEach(async () => {
  await server.destroy();
  await Promise.all([healthy.close(), faulty.close()]);
});

type Drain = {
  id: string;
  delivered: number;
  refused: number;
  lost: number;
  filtered: number;
  lag_lines: number;
};

test.each(stores)(
  "kill -9 several times under load on %s: what was acknowledged reaches both drains in order, and a resumed tail once",
  async (store) => {
    server = await TestServer.startOn(store);
    const { tokens } = await server.createApp("ledger");
    for (const { url } of [healthy, faulty]) await server.api("POST", "/apps/ledger/log-drains", { url });
    const session = await server.api<{ logplex_url: string }>("POST", "/apps/ledger/log-sessions", {
      lines: 0,
      tail: true,
    });
    const seen = new Sightings();
    const tail = await followTail(session.logplex_url, (line) => seen.add(line));

    let finished = false;
    const sending = Promise.all(
      Array.from({ length: senders }, (_, sender) =>
        sendNumbered({
          url: () => server.url,
          token: tokens.app!,
          sender,
          count: linesOfSender,
          linesEach: 10,
          pauseMs: 15,
        }),
      ),
    ).finally(() => {
      finished = true;
    });
    let kills = 0;
    for (; kills < killsMax && !finished; kills++) {
      await delay(700);
      await server.kill("SIGKILL");
      await server.start();
    }
    const sent = await sending;
    expect(kills).toBeGreaterThan(1);
    expect(sent.reduce((sum, { retries }) => sum + retries, 0)).toBeGreaterThan(0);

    const total = senders * linesOfSender;
    const settled = async () => {
      const drains = await server.api<Drain[]>("GET", "/apps/ledger/log-drains");
      return drains.every(({ lag_lines }) => lag_lines === 0);
    };
    await until(
      async () =>
        healthy.sightings.distinct === total && faulty.sightings.distinct === total && (await settled()),
      {
        tell: () => `healthy ${healthy.sightings.distinct}, faulty ${faulty.sightings.distinct} of ${total}`,
      },
    );
    await until(() => seen.distinct === total, {
      tell: () => `the tail saw ${seen.distinct} of ${total}`,
    });
    await tail.close();

    expect(healthy.sightings.flaw(senders, linesOfSender)).toBeUndefined();
    expect(faulty.sightings.flaw(senders, linesOfSender)).toBeUndefined();
    expect(seen.flaw(senders, linesOfSender)).toBeUndefined();
    expect(seen.repeats).toBe(0);

    const drains = await server.api<Drain[]>("GET", "/apps/ledger/log-drains");
    for (const { delivered, refused, lost, filtered, lag_lines } of drains) {
      expect({ sum: delivered + refused + lost + filtered + lag_lines, lost, refused }).toEqual({
        sum: seen.lines,
        lost: 0,
        refused: 0,
      });
    }
    const retried = faulty.requests
      .filter(({ treatment }) => treatment !== 200)
      .map(({ parcelId }) => parcelId);
    expect(retried.length).toBeGreaterThan(5);
  },
  120_000,
);
