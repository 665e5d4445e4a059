/** Work of a drain's worker, counted: from the log to its verdict. No machine's speed decides. */
import { afterEach, expect, test } from "vitest";
import type { StoredBatch } from "../../src/core/batch/batch.ts";
import { DrainWorker } from "../../src/drains/worker/worker.ts";
import type { Sink } from "../../src/ports.ts";
import { Rig } from "../drains/rig.ts";
import { batchOf } from "../support/batches.ts";
import { countedIn } from "./counting.ts";

const closing: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

test("from the log to its verdict a parcel costs its worker few promises, and no timer of its own", async () => {
  const rig = await Rig.open();
  closing.push(() => rig.close());
  const { log } = rig;
  const reader: { hand?: ((batch: StoredBatch) => void) | undefined } = {};
  /** Hands over what the test gives it, one batch each time. */
  const handed = (signal: AbortSignal) => {
    let end = () => {};
    signal.addEventListener("abort", () => end(), { once: true });
    const next = () =>
      new Promise<IteratorResult<StoredBatch>>((resolve) => {
        reader.hand = (value) => resolve({ done: false, value });
        end = () => resolve({ done: true, value: undefined });
      });
    return { next };
  };
  let sent = 0;
  const sink: Sink = {
    deliver: (_parcel, _signal, onSent) => {
      sent++;
      onSent?.();
      return Promise.resolve({ kind: "delivered" });
    },
    giveUp: () => {},
    close: () => Promise.resolve(),
  };
  const worker = await DrainWorker.open(rig.drain, undefined, {
    ...rig.parts,
    sinkFor: () => sink,
    log: {
      append: (to, batch) => log.append(to, batch),
      recent: (from, count) => log.recent(from, count),
      lineAfter: (...args) => log.lineAfter(...args),
      destroy: (gone) => log.destroy(gone),
      close: () => log.close(),
      follow: (_channel, _from, signal) => ({ [Symbol.asyncIterator]: () => handed(signal) }),
    },
  });
  closing.push(() => worker.stop(0));
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const deliver = async (line: number) => {
    while (reader.hand === undefined) await turn();
    const { hand } = reader;
    reader.hand = undefined;
    hand({
      ...batchOf(["one"]),
      firstLine: line,
      acceptedAtMs: 0,
      sequence: line,
      line,
      incarnation: "life",
    });
    while (sent <= line) await turn();
    await turn();
  };
  for (let line = 0; line < 10; line++) await deliver(line); // the first ones wait for a slot, and for one another

  const parcels = 1_000;
  const made = await countedIn(async () => {
    for (let line = 10; line < 10 + parcels; line++) await deliver(line);
  });
  expect(worker.checkpoint.delivered).toBe(10 + parcels);
  expect(made("PROMISE") / parcels).toBeLessThan(14); // 12
  expect(made("Timeout") / parcels).toBeLessThan(0.1);
});
