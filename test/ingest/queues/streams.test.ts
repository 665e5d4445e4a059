/** Lines without an answer on their way to the log: retried, in order, within their bounds. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { realClock } from "../../../src/clock.ts";
import { SyslogHeader, scanHeader } from "../../../src/core/wire/syslog.ts";
import { storeFull } from "../../../src/errors/store.ts";
import type { AppendQueues } from "../../../src/ingest/queues/append-queues.ts";
import { syslogLostLines } from "../../../src/metrics.ts";
import type { TokenRecord } from "../../../src/registry/records.ts";
import { until } from "../../support/until.ts";
import { channelOf, tokenOf } from "../registry.ts";
import { open as openQueues } from "./scripted-queues.ts";

const time = "2026-01-02T03:04:05.000006+00:00";

/** Retries do not wait. */
const open = (bounds: Parameters<typeof openQueues>[0] = {}) =>
  openQueues({ clock: { ...realClock, sleep: async () => {} }, ...bounds });

const recordOf = (app: number, source = "app"): TokenRecord => ({
  token: tokenOf(app),
  channel: channelOf(app),
  source,
  createdAt: "",
});

/** Whoever sends lines: knows how many bytes of its own are not settled. */
class TestSender {
  bytes = 0;
  readonly #header = new SyslogHeader();
  readonly #records = new Map<string, TokenRecord>();

  settle(bytes: number): void {
    this.bytes -= bytes;
  }

  send(queues: AppendQueues, app: number, message: string, { source = "app", data = "-" } = {}): void {
    const key = `${app} ${source}`;
    const record = this.#records.get(key) ?? recordOf(app, source);
    this.#records.set(key, record);
    const frame = Buffer.from(`<190>1 ${time} h ${record.token} web.1 - ${data} ${message}`);
    scanHeader(frame, 0, frame.length, this.#header, 0);
    this.bytes += queues.stream(record.channel).add(this, record, source, frame, this.#header, 0);
  }
}

test("the lines of many senders become one batch of their channel, in the order of the calls", async () => {
  const { log, queues } = open();
  const [one, two] = [new TestSender(), new TestSender()];
  one.send(queues, 1, "a");
  two.send(queues, 1, "b", { source: "heroku" });
  one.send(queues, 1, "c");
  await until(() => one.bytes + two.bytes === 0);
  expect(log.lines()).toEqual(["app web.1 -|a", "heroku web.1 -|b", "app web.1 -|c"]);
  expect(log.stored).toHaveLength(1);
  expect(queues.budget.bytes).toBe(0);
});

test("a line with structured data gives the batch its form, and the others theirs", async () => {
  const { log, queues } = open();
  const sender = new TestSender();
  sender.send(queues, 1, "a");
  sender.send(queues, 1, "b", { data: '[x y="z"]' });
  await until(() => sender.bytes === 0);
  expect(log.lines()).toEqual(["app web.1 - -|a", 'app web.1 - [x y="z"]|b']);
});

test("a batch keeps its memory when the room that it was written in is used again", async () => {
  const { log, queues } = open();
  const sender = new TestSender();
  sender.send(queues, 1, "first");
  await until(() => sender.bytes === 0);
  sender.send(queues, 2, "second");
  await until(() => sender.bytes === 0);
  expect(log.messages()).toEqual(["first", "second"]);
  const [first, second] = log.stored.map(({ batch }) => batch);
  expect(first!.index!.bytes).toBe(first!.bytes);
  expect([...first!.index!.places]).not.toEqual([...second!.index!.places]);
});

test("lines over the bound of a batch are several, one after the other", async () => {
  const { log, queues } = open({ batchBytesMax: 1_000 });
  const sender = new TestSender();
  const sent = Array.from({ length: 100 }, (_, i) => `line ${i}`);
  for (const text of sent) sender.send(queues, 1, text);
  await until(() => sender.bytes === 0);
  expect(log.messages()).toEqual(sent);
  for (const { batch } of log.stored) expect(batch.bytes.length).toBeLessThanOrEqual(1_000);
  expect(log.stored.length).toBeLessThan(20);
});

test("a channel that the log holds does not hold another one's lines", async () => {
  const { log, queues } = open();
  const sender = new TestSender();
  log.holding = true;
  sender.send(queues, 1, "held");
  await until(() => log.heldCount === 1);
  log.holding = false;
  sender.send(queues, 2, "goes on");
  await until(() => log.messages(channelOf(2)).length === 1);
  log.release();
  await until(() => sender.bytes === 0);
});

test("what is refused after the doors have stopped is tried once more, and then counted as lost", async () => {
  const before = (await syslogLostLines.get()).values.reduce((sum, { value }) => sum + value, 0);
  const { log, queues } = open();
  const sender = new TestSender();
  log.failure = storeFull(undefined);
  sender.send(queues, 1, "a");
  sender.send(queues, 1, "b");
  await until(() => log.asked.length > 2);
  queues.stopRetrying();
  await until(() => sender.bytes === 0);
  const after = (await syslogLostLines.get()).values.reduce((sum, { value }) => sum + value, 0);
  expect(after - before).toBe(2);
  await queues.close();
  expect(queues.budget.bytes).toBe(0);
});

test("closing waits for the lines of streams", async () => {
  const { log, queues } = open();
  const sender = new TestSender();
  sender.send(queues, 1, "a");
  await queues.close();
  expect(log.messages()).toEqual(["a"]);
});

test("whatever is refused: each line is stored once, in order, and all memory is given back", async () => {
  const step = fc.record({
    app: fc.integer({ min: 1, max: 3 }),
    sender: fc.integer({ min: 0, max: 2 }),
    fails: fc.nat({ max: 4 }).map((dice) => dice === 0),
    releases: fc.integer({ min: 0, max: 2 }),
    turns: fc.nat({ max: 2 }),
    source: fc.constantFrom("app", "heroku"),
    data: fc.constantFrom("-", "-", '[x y="z"]'),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const { log, queues } = open({ batchBytesMax: 600 });
      const senders = [new TestSender(), new TestSender(), new TestSender()];
      log.holding = true;
      const sent: Record<number, string[]> = { 1: [], 2: [], 3: [] };
      for (const [at, { app, sender, fails, releases, turns, source, data }] of steps.entries()) {
        if (fails) log.failures.push(storeFull(undefined));
        senders[sender]!.send(queues, app, `line ${at}`, { source, data });
        sent[app]!.push(`line ${at}`);
        log.release(releases);
        for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
      }
      log.holding = false;
      await until(() => {
        log.release(1_000);
        return queues.budget.bytes === 0;
      });
      for (const app of [1, 2, 3]) expect(log.messages(channelOf(app))).toEqual(sent[app]);
      expect(senders.map(({ bytes }) => bytes)).toEqual([0, 0, 0]);
      const due = new Map<string, number>();
      for (const { batch } of log.stored) {
        expect(batch.firstLine).toBe(due.get(batch.producer) ?? 0);
        due.set(batch.producer, batch.firstLine + batch.count);
      }
    }),
    { numRuns: 100 },
  );
});
