/**
 * What a request of `POST /logs` costs, counted: no machine's speed decides. Bodies that came with their head go through the
 * door, the append queues and the journal, ten at a time as ten senders that each wait for their answer send them, over
 * a disk that only counts. Each figure has a ceiling, somewhat above the figure of the day that is named beside it.
 */
import { IncomingMessage, type ServerResponse } from "node:http";
import { Socket } from "node:net";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { openJournal } from "../../src/engines/journal/open.ts";
import { BodyBudget } from "../../src/ingest/bodies/body-budget.ts";
import { LogsDoor } from "../../src/ingest/http/http-door.ts";
import { ingestLimits } from "../../src/ingest/limits.ts";
import { AppendQueues } from "../../src/ingest/queues/append-queues.ts";
import { keepsAll } from "../contract/channel-log.ts";
import { alone, channelOf, FakeTokens, fakeKeys, silent, tokenOf } from "../ingest/registry.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { octetCounted } from "../support/frames.ts";
import { CountingDisk, countWork } from "./counting.ts";

const apps = 10;
const bodies = 10_000;
const lineBytes = 200;
const head = "<190>1 2026-01-02T03:04:05.000006+00:00 host app web.1 - - ";
const line = octetCounted(head + "x".repeat(lineBytes - head.length));

let end: () => void = () => {};
// The clock stands still: a turn of the event loop is never over.
beforeEach(() => vi.spyOn(performance, "now").mockReturnValue(1_000));
afterEach(() => {
  end();
  vi.restoreAllMocks();
});

async function rig() {
  const clock = new FakeClock();
  const disk = new CountingDisk();
  const { log } = await openJournal({ disk, clock, retention: keepsAll });
  const tokens = new FakeTokens();
  for (let app = 0; app < apps; app++) tokens.add(tokenOf(app), channelOf(app));
  const queues = new AppendQueues({ ...ingestLimits, log, clock, logger: silent });
  const shares = new BodyBudget(queues.budget, ingestLimits);
  const addressOf = () => "10.0.0.1";
  const parts = { queues, bodies: shares, addressOf, tokens, keys: fakeKeys, clock };
  return { disk, queues, door: new LogsDoor({ ...ingestLimits, ...alone, ...parts }, silent) };
}

const socket = new Socket();
const authorizations = Array.from(
  { length: apps },
  (_, app) => `Basic ${Buffer.from(`token:${tokenOf(app)}`).toString("base64")}`,
);

/** The head of a request. */
function headOf(app: number, body: Buffer): IncomingMessage {
  const request = new IncomingMessage(socket);
  request.method = "POST";
  request.url = "/logs";
  request.headers = {
    authorization: authorizations[app],
    "content-type": "application/logplex-1",
    "content-length": String(body.length),
  };
  return request;
}

/** Then comes its body, in one read. */
function pushBody(request: IncomingMessage, body: Buffer): IncomingMessage {
  request.push(Buffer.from(body));
  request.push(null);
  request.complete = true;
  return request;
}

/** Resolves with the statuses of ten requests that are here at once, one of each app; `isLate`: their bodies follow. */
function ten(door: LogsDoor, body: Buffer, isLate = false): Promise<number[]> {
  const statuses: number[] = [];
  return new Promise((resolve) => {
    for (let app = 0; app < apps; app++) {
      const response = {
        statusCode: 200,
        end: () => statuses.push(response.statusCode) === apps && resolve(statuses),
      };
      const request = headOf(app, body);
      if (!isLate) pushBody(request, body);
      door.handle(request, response as unknown as ServerResponse);
      if (isLate) pushBody(request, body);
    }
  });
}

test.each([
  { lines: 100 }, // 6.7 promises a body
  { lines: 1 }, // the same: nothing is made for a line
])("ten thousand bodies of $lines lines", async ({ lines }) => {
  const { disk, queues, door } = await rig();
  const body = Buffer.concat(Array.from({ length: lines }, () => line));
  await ten(door, body); // the tokens are known from here on
  const before = { writes: disk.writes, syncs: disk.syncs };
  const counted = countWork();
  end = counted.end;
  for (let sent = 0; sent < bodies; sent += apps)
    expect(await ten(door, body)).toEqual(Array(apps).fill(204));
  end();
  expect(queues.budget.bytes).toBe(0);
  // Bodies that are here together are one commit; each 64 MiB have a segment that is begun.
  expect(disk.writes - before.writes).toBeLessThanOrEqual(bodies / apps + 4);
  expect(disk.syncs - before.syncs).toBe(disk.writes - before.writes);
  expect(counted.work.promises / bodies).toBeLessThanOrEqual(7.5); // its append's, its commit's, the test's
  expect(counted.work.allocatedBytes).toBe(0); // lines are written where they came
});

test("short bodies that come after their heads, as those of `Expect: 100-continue` do, share memory", async () => {
  const { door } = await rig();
  await ten(door, line);
  const made = vi.spyOn(Buffer, "allocUnsafeSlow");
  for (let sent = 0; sent < 1_000; sent += apps)
    expect(await ten(door, line, true)).toEqual(Array(apps).fill(204));
  expect(made).toHaveBeenCalledTimes(0); // each had an `ArrayBuffer` of its own
});
