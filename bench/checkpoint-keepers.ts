/**
 * Nodes that take the leases of drains from each other while faults befall the servers: each writes the checkpoints of the
 * drains that it believes to hold. What was acknowledged must be found by whoever takes over, and nothing may be
 * acknowledged to a node once a later one has claimed it.
 */
import { setTimeout as delay } from "node:timers/promises";
import { realClock } from "../src/clock.ts";
import type { Checkpoint } from "../src/drains/worker/checkpoint/checkpoint.ts";
import { CheckpointSheets } from "../src/drains/worker/checkpoint/checkpoint-sheets.ts";
import { sharedCommitMsMax } from "../src/limits.ts";
import type { Store } from "../src/ports.ts";
import { drainOf } from "../test/drains/rig.ts";

const drains = 80;
const holdMsMax = 3000;
const writeEveryMs = 20;

type Kept = { acknowledged: number; claims: number; lost: number; late: number };

/** Goes on until `isOver`: one shard after the other is taken by a node that `pick` names. */
export async function keepCheckpoints(
  stores: readonly Store[],
  pick: () => number,
  isOver: () => boolean,
): Promise<Kept> {
  const kept: Kept = { acknowledged: 0, claims: 0, lost: 0, late: 0 };
  /** By drain: the line that was acknowledged last, and the lease that claimed it last. */
  const lines = new Map<number, number>();
  const owners = new Map<number, number>();
  const holding: Promise<void>[] = [];

  const write = async (checkpoint: Checkpoint, number: number, lease: number, untilMs: number) => {
    for (
      let line = checkpoint.latest.line + 1;
      performance.now() < untilMs && !checkpoint.isTakenOver;
      line++
    ) {
      if (await checkpoint.setNow({ ...checkpoint.latest, line, delivered: line })) {
        kept.acknowledged++;
        if (owners.get(number) !== lease) kept.late++;
        lines.set(number, Math.max(line, lines.get(number) ?? 0));
      }
      await delay(writeEveryMs);
    }
    await checkpoint.close();
  };

  const hold = async (store: Store, lease: number, ms: number) => {
    const logger = { error: () => {} };
    const options = { store, clock: realClock, logger, random: Math.random, shard: 0, lease };
    const sheets = new CheckpointSheets({ ...options, commitMsMax: sharedCommitMsMax });
    const untilMs = performance.now() + ms;
    const keep = async (number: number) => {
      const due = lines.get(number) ?? 0;
      const opened = await sheets.open(drainOf(number), () => {}).catch(() => undefined);
      if (opened === undefined || opened.isTakenOver) return;
      kept.claims++;
      if (opened.latest.line < due) kept.lost++;
      owners.set(number, Math.max(lease, owners.get(number) ?? 0));
      await write(opened, number, lease, untilMs);
    };
    await Promise.all(Array.from({ length: drains }, (_, number) => keep(number + 1)));
    await sheets.close();
  };

  for (let lease = 1; !isOver(); lease++) {
    // It goes on for longer than the next one waits: it does not know that its lease is over.
    holding.push(hold(stores[pick()]!, lease, 2 * holdMsMax));
    await delay(holdMsMax);
  }
  await Promise.all(holding);
  return kept;
}
