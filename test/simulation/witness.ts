/** Watches what nodes write to the Store, and who runs what, and reports a flaw the moment that it happens. */
import assert from "node:assert";
import type { Clock, Store } from "../../src/ports.ts";
import { type DrainCheckpoint, readCheckpoint } from "../../src/registry/drain-checkpoint.ts";
import { type DrainSheet, sheetIn, storedCheckpoint } from "../../src/registry/drain-sheet.ts";
import type { DrainRecord } from "../../src/registry/records.ts";
import { type Destination, isNoise } from "./destination.ts";
import type { SimNode } from "./sim-node.ts";

/**
 * No shard is without a holder for longer while a node is well, counted from the last time that a node came, went or
 * fell ill, or that something came of one that is ill: until then the others leave its share to it.
 */
const orphanMsMax = 10_000;

export class Witness {
  readonly flaws: string[] = [];
  readonly counts = { claims: 0, commits: 0, keptOut: 0 };
  readonly #clock: Clock;
  readonly #isShared: boolean;
  /** Who put the record of a lease, by the record's revision. */
  readonly #leases = new Map<number, string>();
  /** States as the Store has them, by their keys: with the lease of their sheet when they are on one. */
  readonly #states = new Map<string, DrainCheckpoint>();
  /** Sheets by their names, and which one a state is on. */
  readonly #sheets = new Map<string, DrainSheet>();
  readonly #sheetOf = new Map<string, string>();
  readonly #removed = new Set<string>();
  readonly #heldAtMs: number[];
  readonly #senders = new Set<SimNode>();
  #lastEventMs = 0;

  /** Without shards there is one process, and no leases. */
  constructor(clock: Clock, shards: number | undefined) {
    this.#clock = clock;
    this.#isShared = shards !== undefined;
    this.#heldAtMs = Array(shards ?? 0).fill(clock.nowMs());
  }

  /** Notes a fault of a node. */
  noteEvent(): void {
    this.#lastEventMs = this.#clock.nowMs();
  }

  /** Looks for shards that nobody holds. */
  look(nodes: readonly SimNode[]): void {
    const nowMs = this.#clock.nowMs();
    const wellSinceMs = Math.min(...nodes.map((node) => node.wellSinceMs ?? Number.POSITIVE_INFINITY));
    for (const [shard, heldAtMs] of this.#heldAtMs.entries()) {
      const orphanMs = nowMs - Math.max(heldAtMs, wellSinceMs, this.#lastEventMs);
      if (nodes.some((node) => node.holds(shard))) this.#heldAtMs[shard] = nowMs;
      else if (orphanMs > orphanMsMax) this.flaws.push(`shard ${shard} had no holder for ${orphanMs} ms`);
    }
  }

  /**
   * The drain was removed. What is on its way may still be sent, and a node that was away when it began may write its
   * first state once more, which is swept.
   */
  forget({ id }: DrainRecord): void {
    this.#states.delete(`drain-state/${id}`);
    this.#sheetOf.delete(`drain-state/${id}`);
    this.#removed.add(id);
  }

  /** The state that whoever runs the drain next will know. */
  stateOf({ id }: DrainRecord): DrainCheckpoint | undefined {
    return this.#states.get(`drain-state/${id}`);
  }

  sends(node: SimNode, drain: DrainRecord): void {
    this.#senders.add(node);
    if (this.#removed.has(drain.id)) return;
    if (this.#isShared && !this.#leases.has(this.stateOf(drain)?.lease ?? 0))
      this.flaws.push(`${node.name} sends what nobody claimed`);
  }

  /** The nodes that sent something since the last call. */
  takeSenders(): Set<SimNode> {
    const senders = new Set(this.#senders);
    this.#senders.clear();
    return senders;
  }

  /** The Store as `node` writes it: who may write a drain's state is whoever took the lease last that claimed it. */
  storeOf(node: () => SimNode, store: Store): Store {
    return {
      get: (key) => store.get(key),
      list: (prefix) => store.list(prefix),
      watch: (prefix, signal) => store.watch(prefix, signal),
      close: async () => {},
      put: async (key, value, revision) => {
        const isState = key.startsWith("drain-state/") || key.startsWith("drain-sheet/");
        const put = await store.put(key, value, revision);
        if (put === undefined) {
          if (isState) this.counts.keptOut++;
          return put;
        }
        const { name, wellSinceMs } = node();
        if (key.startsWith("lease/shard/")) this.#leases.set(put, name);
        if (key.startsWith("lease/") && wellSinceMs === undefined) this.noteEvent();
        if (isState && value !== undefined) this.#stored(name, key, value);
        return put;
      },
    };
  }

  // What is on a sheet counts from when the drain's own record leads there.
  #stored(node: string, key: string, value: unknown): void {
    const led = sheetIn(value);
    if (led !== undefined) {
      this.#sheetOf.set(key, led);
      const { lease, drains } = this.#sheets.get(led)!;
      this.#committed(node, key, { ...(drains[nameOf(key)] as DrainCheckpoint), lease });
    } else if (key.startsWith("drain-sheet/")) {
      const name = key.slice("drain-sheet/".length);
      const { lease, drains } = value as DrainSheet;
      this.#sheets.set(name, value as DrainSheet);
      for (const [state, sheet] of this.#sheetOf)
        if (sheet === name)
          this.#committed(node, state, { ...(drains[nameOf(state)] as DrainCheckpoint), lease });
    } else this.#committed(node, key, value as DrainCheckpoint);
  }

  #committed(node: string, key: string, after: DrainCheckpoint): void {
    const before = this.#states.get(key);
    this.#states.set(key, after);
    const { lease = 0, line } = after;
    if (this.#isShared && this.#leases.get(lease) !== node)
      this.flaws.push(`${node} wrote ${key} without a lease`);
    if (lease < (before?.lease ?? 0))
      this.flaws.push(`${node} wrote ${key} under an older lease than the last`);
    if (lease === before?.lease || !this.#isShared) this.counts.commits++;
    else this.counts.claims++;
    if (line < (before?.line ?? 0))
      this.flaws.push(`${node} set ${key} back from ${before?.line} to ${line}`);
  }
}

const nameOf = (state: string): string => state.slice("drain-state/".length);

/** What is wrong with a ledger when all is well again and every line has its place, in words. */
export function flawOf(
  destination: Destination,
  state: DrainCheckpoint,
  lines: readonly string[],
): string | undefined {
  const { drain, seen, first, refused: refusals, excused, late, counts, repeatsMax } = destination;
  const { line, delivered, refused, lost, filtered } = state;
  const due = lines.map((_, number) => number).slice(drain.start.line);
  const isKept = (number: number) => drain.filter === undefined || !isNoise(lines[number]!);
  const kept = due.filter(isKept);
  const noise = due.length - kept.length;
  const missing = kept.filter((number) => !seen.has(number) && !excused.has(number)).length;
  const ordered = first.filter((number) => ![refusals, excused, late].some((others) => others.has(number)));
  const explained = repeatsMax + counts.replays * lines.length;
  const unordered = ordered.findIndex((number, at) => at > 0 && number < ordered[at - 1]!);
  if (state.failing !== undefined) return "it fails still";
  if (line !== lines.length) return `the cursor is at ${line} of ${lines.length}`;
  if (delivered + refused + lost + filtered !== due.length) return "the ledger does not add up";
  if ([...seen.keys()].some((number) => number < drain.start.line || !isKept(number)))
    return "lines came that are not due";
  if (missing > refused + lost) return `${missing} lines are missing, ${refused} refused and ${lost} lost`;
  if (delivered > seen.size + excused.size) return `${delivered} are counted as delivered, ${seen.size} came`;
  if (lost === 0 ? filtered !== noise : filtered > noise)
    return `${filtered} of ${noise} are counted as filtered`;
  if (refused + lost === 0 && delivered !== kept.length)
    return `${delivered} of ${kept.length} are counted as delivered`;
  if (counts.repeats > explained) return `${counts.repeats} repeats, the faults explain ${explained}`;
  if (unordered !== -1) return `line ${ordered[unordered]} came after ${ordered[unordered - 1]}`;
  return undefined;
}

/** A drain's state, as the Store has it. */
export async function stateOf(store: Store, drain: DrainRecord): Promise<DrainCheckpoint> {
  const state = readCheckpoint(await storedCheckpoint(store, drain), drain);
  const { line, startLine = drain.start.line, delivered, refused, lost, filtered } = state;
  assert.equal(line - startLine, delivered + refused + lost + filtered, "every state adds up");
  return state;
}
