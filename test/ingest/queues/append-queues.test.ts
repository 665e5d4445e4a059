import fc from "fast-check";
import { expect, test } from "vitest";
import type { CanonicalLines, Form } from "../../../src/core/batch/batch.ts";
import { BatchMemory } from "../../../src/core/batch/batch-memory.ts";
import { storeFull } from "../../../src/errors/store.ts";
import { channelOf } from "../registry.ts";
import type { ScriptedLog } from "../scripted-log.ts";
import { open } from "./scripted-queues.ts";

const app = channelOf(1);
const other = channelOf(2);

function lines(
  message: string,
  { dedupId, form = "logplex" }: { dedupId?: string; form?: Form } = {},
): CanonicalLines {
  const nil = form === "logplex" ? "-" : "- -";
  const frame = `<190>1 2026-01-02T03:04:05.000006+00:00 host app web.1 ${nil} ${message}`;
  const bytes = Buffer.from(`${frame.length} ${frame}`);
  return { bytes, count: 1, form, ...(dedupId !== undefined && { dedupId }) };
}

test("an idle queue hands lines to the log at once", () => {
  const { log, queues } = open();
  void queues.append(app, lines("a"));
  expect(log.asked).toHaveLength(1);
});

test("lines that come while an append is in flight gather into one batch, in order", async () => {
  const { log, queues } = open();
  log.holding = true;
  const appends = ["a", "b", "c", "d"].map((text) => queues.append(app, lines(text)));
  log.holding = false;
  log.release();
  await Promise.all(appends);
  expect(log.stored.map(({ batch }) => batch.count)).toEqual([1, 3]);
  expect(log.messages()).toEqual(["a", "b", "c", "d"]);
});

test("memory of lines that gathered counts whole, is kept while they are refused, and given back when they are stored", async () => {
  const { log, queues } = open();
  let returned = 0;
  const memories = Array.from(
    { length: 2 },
    () => new BatchMemory({ takeBack: () => void returned++ }, undefined, 10_000),
  );
  const together = async () => {
    log.holding = true;
    const before = queues.append(app, lines("before"));
    const appends = memories.map((memory) => queues.append(app, lines("lent"), "relp", memory));
    expect(queues.budget.bytes).toBeGreaterThan(20_000);
    log.holding = false;
    log.release();
    await before;
    return (await Promise.allSettled(appends)).map(({ status }) => status);
  };
  log.failures.push(undefined, storeFull(undefined));
  expect(await together()).toEqual(["rejected", "rejected"]);
  expect(returned).toBe(0);
  expect(await together()).toEqual(["fulfilled", "fulfilled"]);
  expect(returned).toBe(2);
  expect(log.stored.map(({ batch }) => batch.count)).toEqual([1, 1, 2]);
  expect(queues.budget.bytes).toBe(0);
});

test("a queue that is held does not hold another channel's", async () => {
  const { log, queues } = open();
  log.holding = true;
  const held = queues.append(app, lines("a"));
  log.holding = false;
  await queues.append(other, lines("b"));
  expect(log.messages(other)).toEqual(["b"]);
  log.release();
  await held;
});

test("lines of two forms become batches of their own, in order", async () => {
  const { log, queues } = open();
  log.holding = true;
  const appends = [queues.append(app, lines("a"))];
  for (const [text, form] of [
    ["b", "logplex"],
    ["c", "rfc5424"],
    ["d", "rfc5424"],
    ["e", "logplex"],
  ] as const) {
    appends.push(queues.append(app, lines(text, { form })));
  }
  log.holding = false;
  log.release();
  await Promise.all(appends);
  expect(log.stored.map(({ batch }) => `${batch.form} ${batch.count}`)).toEqual([
    "logplex 1",
    "logplex 1",
    "rfc5424 2",
    "logplex 1",
  ]);
  expect(log.messages()).toEqual(["a", "b", "c", "d", "e"]);
});

test("a gathered batch stays within its bound", async () => {
  const size = lines("x").bytes.length;
  const { log, queues } = open({ batchBytesMax: 3 * size });
  log.holding = true;
  const appends = Array.from({ length: 8 }, () => queues.append(app, lines("x")));
  log.holding = false;
  log.release();
  await Promise.all(appends);
  expect(log.stored.map(({ batch }) => batch.count)).toEqual([1, 3, 3, 1]);
});

test("requests with an id are batches of their own, together in flight up to a bound, in order", async () => {
  const { log, queues } = open();
  log.holding = true;
  const texts = Array.from({ length: 20 }, (_, i) => `line ${i}`);
  const appends = texts.map((text) => queues.append(app, lines(text, { dedupId: text })));
  expect(log.heldCount).toBe(16);
  log.holding = false;
  log.release(16);
  await Promise.all(appends);
  expect(log.messages()).toEqual(texts);
  expect(log.stored.every(({ batch }) => batch.count === 1)).toBe(true);
});

test("more lines than one batch holds are several, one after the other, and answered as one", async () => {
  const { log, queues } = open({ batchBytesMax: 3 * lines("0").bytes.length });
  const texts = Array.from({ length: 8 }, (_, i) => `${i}`);
  const bytes = Buffer.concat(texts.map((text) => lines(text).bytes));
  const large: CanonicalLines = { bytes, count: 8, form: "logplex", dedupId: "1" };
  const refused = storeFull(undefined);
  log.failures.push(undefined, refused);
  await expect(queues.append(app, large)).rejects.toBe(refused);
  expect(log.messages()).toEqual(["0", "1", "2"]); // and nothing behind what was refused
  expect(queues.budget.bytes).toBe(0);
  expect(await queues.append(app, large)).toMatchObject({ repeated: false });
  expect(log.messages()).toEqual(texts);
  expect(await queues.append(app, large)).toMatchObject({ repeated: true });
  expect(log.messages()).toEqual(texts);
  expectNoJump(log);
});

test("closing waits for every batch of a large append", async () => {
  const { log, queues } = open({ batchBytesMax: lines("0").bytes.length });
  const bytes = Buffer.concat(["0", "1", "2"].map((text) => lines(text).bytes));
  const appended = queues.append(app, { bytes, count: 3, form: "logplex" });
  await queues.close();
  expect(log.messages()).toEqual(["0", "1", "2"]);
  await appended;
});

test("a large append that does not fit is refused whole", async () => {
  const { log, queues } = open({ batchBytesMax: 1_000, queueBytesMax: 4_000 });
  log.holding = true;
  const first = queues.append(app, lines("a"));
  const bytes = Buffer.concat(Array.from({ length: 60 }, () => lines("b").bytes));
  await expect(queues.append(app, { bytes, count: 60, form: "logplex" })).rejects.toMatchObject({
    code: "OVERLOADED",
  });
  log.holding = false;
  log.release();
  await first;
  expect(log.messages()).toEqual(["a"]);
});

test("the numbers of a channel go on from batch to batch under one producer", async () => {
  const { log, queues } = open();
  for (const text of ["a", "b", "c"]) await queues.append(app, lines(text));
  expect(log.stored.map(({ batch }) => batch.firstLine)).toEqual([0, 1, 2]);
  expect(new Set(log.stored.map(({ batch }) => batch.producer)).size).toBe(1);
});

test("a repeat is answered as one and leaves no jump in the numbers", async () => {
  const { log, queues } = open();
  expect((await queues.append(app, lines("a", { dedupId: "1" }))).repeated).toBe(false);
  expect((await queues.append(app, lines("a", { dedupId: "1" }))).repeated).toBe(true);
  await queues.append(app, lines("b"));
  expect(log.messages()).toEqual(["a", "b"]);
  expectNoJump(log);
});

test("what the log refuses is refused to each caller, and leaves no jump in the numbers", async () => {
  const { log, queues } = open();
  await queues.append(app, lines("a"));
  const full = storeFull(new Error("no space"));
  log.failures.push(full);
  await expect(queues.append(app, lines("b"))).rejects.toBe(full);
  await queues.append(app, lines("c"));
  expect(log.messages()).toEqual(["a", "c"]);
  expectNoJump(log);
  expect(log.stored[1]!.batch.producer).not.toBe(log.stored[0]!.batch.producer);
});

test("a channel that was forgotten starts again under a new producer", async () => {
  const { log, queues } = open({ channelsMax: 2 });
  for (const number of [1, 2, 3, 1]) await queues.append(channelOf(number), lines("x"));
  expect(new Set(log.stored.map(({ batch }) => batch.producer)).size).toBe(4);
  expect(log.stored.map(({ batch }) => batch.firstLine)).toEqual([0, 0, 0, 0]);
});

test("lines over the bound of all queues are refused before they are held, and taken again when there is room", async () => {
  const { log, queues } = open({ memoryBytesMax: 2_000 });
  log.holding = true;
  const held = [queues.append(app, lines("a")), queues.append(other, lines("b"))];
  const pendingBytes = queues.budget.bytes;
  await expect(queues.append(channelOf(3), lines("x".repeat(900)))).rejects.toMatchObject({
    code: "OVERLOADED",
    status: 503,
    retryAfterS: 1,
  });
  expect(queues.budget.bytes).toBe(pendingBytes);
  log.holding = false;
  log.release(2);
  await Promise.all(held);
  await queues.append(channelOf(3), lines("x".repeat(900)));
  expect(queues.budget.bytes).toBe(0);
});

test("one app cannot take the room of the others", async () => {
  const { log, queues } = open({ queueBytesMax: 2_000 });
  log.holding = true;
  const taken: Promise<unknown>[] = [];
  let refused = 0;
  for (let i = 0; i < 10; i++) taken.push(queues.append(app, lines("a")).catch(() => refused++));
  log.holding = false;
  await queues.append(other, lines("b"));
  log.release();
  await Promise.all(taken);
  expect(refused).toBeGreaterThan(0);
  expect(log.messages(app)).toHaveLength(10 - refused);
});

test("closing refuses new lines and waits for those it has", async () => {
  const { log, queues } = open();
  log.holding = true;
  const first = queues.append(app, lines("a"));
  const second = queues.append(app, lines("b"));
  let isClosed = false;
  const closed = queues.close().then(() => {
    isClosed = true;
  });
  await expect(queues.append(app, lines("c"))).rejects.toMatchObject({ code: "STOPPING" });
  await new Promise(setImmediate);
  expect(isClosed).toBe(false);
  log.holding = false;
  log.release();
  await Promise.all([first, second, closed, queues.close()]);
  expect(log.messages()).toEqual(["a", "b"]);
});

test("whatever is refused or repeated: lines keep the order of the calls, each answer is true, no producer jumps", async () => {
  const step = fc.record({
    id: fc.option(fc.integer({ min: 0, max: 5 })),
    form: fc.constantFrom<Form>("logplex", "rfc5424"),
    fails: fc.nat({ max: 6 }).map((dice) => dice === 0),
    releases: fc.integer({ min: 0, max: 3 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const { log, queues } = open();
      log.holding = true;
      const stored: string[] = [];
      const answers: Promise<void>[] = [];
      for (const [at, { id, form, fails, releases }] of steps.entries()) {
        if (fails) log.failures.push(storeFull(undefined));
        const text = `line ${at}`;
        const append = queues.append(app, lines(text, { form, ...(id !== null && { dedupId: `${id}` }) }));
        answers.push(
          append.then(
            ({ repeated }) => {
              if (!repeated) stored.push(text);
            },
            () => {},
          ),
        );
        log.release(releases);
        await Promise.resolve();
      }
      log.holding = false;
      log.release(1000);
      await Promise.all(answers);
      expect(log.messages()).toEqual(stored.sort((a, b) => Number(a.slice(5)) - Number(b.slice(5))));
      expectNoJump(log);
      expect(queues.budget.bytes).toBe(0);
    }),
    { numRuns: 200 },
  );
});

function expectNoJump(log: ScriptedLog): void {
  const due = new Map<string, number>();
  for (const { batch } of log.stored) {
    expect(batch.firstLine).toBe(due.get(batch.producer) ?? 0);
    due.set(batch.producer, batch.firstLine + batch.count);
  }
}
