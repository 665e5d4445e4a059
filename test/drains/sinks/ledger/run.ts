/** One drain over an engine, a receiver that fails in seeded ways until it is healed, and what both counted in the end. */
import { pino } from "pino";
import { expect } from "vitest";
import { realClock } from "../../../../src/clock.ts";
import { type ChannelId, newChannelId, newDrainId } from "../../../../src/core/ids.ts";
import { sinksFor } from "../../../../src/drains/sink-for.ts";
import { ReadAheadBudget } from "../../../../src/drains/worker/read-ahead-budget.ts";
import { DrainWorker } from "../../../../src/drains/worker/worker.ts";
import type { Engine } from "../../../../src/engines/engine.ts";
import { batchOf } from "../../../support/batches.ts";
import { openPatterns } from "../../../support/patterns.ts";
import { randomFrom } from "../../../support/random.ts";
import { openRawPeer } from "../../../support/raw-peer.ts";
import { until } from "../../../support/until.ts";
import { drainOf, limits, sheetsOf } from "../../rig.ts";
import { openSlots, sinkOptions } from "../parts.ts";
import { type Fate, type Kind, kinds, type World } from "./kinds.ts";

const linesEach = 7;
/** A syslog drain's parcels follow each other so closely that the receiver reads some of them as one. */
const linesOf = ({ isSyslog }: Kind): number => (isSyslog ? 4 : 1) * 602;
const faultsMax = 40;
const fates: readonly Fate[] = [
  "take",
  "take",
  "reset",
  "end",
  "error",
  "too large",
  "take and reset",
  "bad",
  "partial",
];

type LedgerRun = {
  readonly engine: Pick<Engine, "log" | "store">;
  readonly kind: keyof typeof kinds;
  readonly seed: number;
  /** Of the shard, where nodes share the drains. */
  readonly lease?: number;
  /** The receiver is down until this many lines are left of the channel, which retention sees to. */
  readonly downUntilLeft?: number;
};

/** Runs it and holds both counts together: `accepted = delivered + refused + lost + filtered`, exactly. */
export async function runLedger({
  engine,
  kind: name,
  seed,
  lease,
  downUntilLeft,
}: LedgerRun): Promise<void> {
  const kind = kinds[name]!;
  const linesMax = linesOf(kind);
  const random = randomFrom(seed);
  const channel = newChannelId();
  const seen = new Map<string, number>();
  const world = { isDown: downUntilLeft !== undefined, isHealed: false, faults: 0 };
  const receiver: World = {
    fate() {
      if (world.isDown) return "reset";
      const isOver = world.isHealed || world.faults >= faultsMax;
      const fate = isOver ? "take" : fates[Math.floor(random() * fates.length)]!;
      if (fate !== "take") world.faults++;
      return fate;
    },
    take: (texts) => {
      for (const text of texts) seen.set(text, (seen.get(text) ?? 0) + 1);
    },
  };
  const peer = await openRawPeer((socket, _index, reset) => kind.speak(socket, reset, receiver), {
    ...(kind.tls && { tls: kind.tls }),
  });
  const worker = await openWorker(engine, kind, channel, peer.port, random, lease);
  try {
    for (let line = 0; line < linesMax; line += linesEach) {
      const texts = Array.from({ length: linesEach }, (_, n) => `${n === 3 ? "odd" : "line"} ${line + n}`);
      await engine.log.append(channel, { ...batchOf(texts), firstLine: line, acceptedAtMs: Date.now() });
    }
    if (downUntilLeft !== undefined) {
      await until(async () => (await left(engine, channel)) <= downUntilLeft);
      world.isDown = false;
    }
    await until(() => worker.checkpoint.line === linesMax);
    world.isHealed = true;
    await until(() => worker.checkpoint.unconfirmed === undefined);
    const { delivered, refused, lost, filtered } = worker.checkpoint;
    expect(delivered + refused + lost + filtered).toBe(linesMax);
    if (downUntilLeft === undefined) {
      expect({ lost, filtered }).toEqual({ lost: 0, filtered: linesMax / linesEach });
      expect(world.faults).toBeGreaterThan(10);
    } else expect(lost).toBeGreaterThan(0);
    await until(() => seen.size >= delivered);
    // A parcel may have been taken before its connection broke, and be refused, or gone from the log, when it was to come again.
    expect(seen.size).toBeLessThanOrEqual(delivered + refused + lost);
    if (kind.isSyslog && downUntilLeft === undefined)
      expect({ seen: seen.size, refused }).toEqual({ seen: delivered, refused: 0 });
  } finally {
    await worker.stop(0);
    await peer.close();
  }
}

async function openWorker(
  engine: LedgerRun["engine"],
  { scheme, rest }: Kind,
  channel: ChannelId,
  port: number,
  random: () => number,
  lease: number | undefined,
): Promise<DrainWorker> {
  const drain = {
    ...drainOf(1, { url: `${scheme}://localhost:${port}`, ...rest, filter: { exclude: "odd one out" } }),
    channel,
    id: newDrainId(),
  };
  const withoutOdd = {
    key: "odd",
    expressions: [],
    keeps: (line: { readonly bytes: Uint8Array; readonly messageStart: number; readonly end: number }) =>
      !Buffer.from(line.bytes.subarray(line.messageStart, line.end)).includes("odd"),
  };
  return DrainWorker.open(drain, withoutOdd, {
    log: engine.log,
    store: engine.store,
    sheets:
      lease === undefined ? undefined : sheetsOf(engine.store, lease, { clock: realClock, commitMsMax: 1 }),
    clock: realClock,
    random,
    sinkFor: sinksFor(sinkOptions),
    slots: openSlots(),
    readAhead: new ReadAheadBudget(1 << 20),
    patterns: openPatterns(),
    notices: { lost() {}, refused() {}, certificate() {}, expiring() {} },
    limits: {
      ...limits,
      parcelLinesMax: 20,
      commitMsMax: 1,
      retry: { ...limits.retry, delayMsMin: 1, delayMsMax: 5 },
    },
    logger: pino({ level: "silent" }),
  });
}

async function left({ log }: LedgerRun["engine"], channel: ChannelId): Promise<number> {
  const { batches } = await log.recent(channel, 1_000_000);
  return batches.reduce((lines, { count }) => lines + count, 0);
}
