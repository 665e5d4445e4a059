/**
 * The names of the requests of the last 10 minutes, in memory, for a few dozen bytes each: two tables of 96-bit hashes,
 * of which the older one is dropped whole. The names are on the disk with their lines, so that a start fills it again.
 */
import { frameIdMs } from "../engine.ts";

/** What is stored under a name. */
export type Deduped = { readonly line: number; readonly count: number };

/** Names in one table. A window with more of them becomes shorter: the older table goes before its time. */
const namesMax = 2_000_000;
const slotsFirst = 1024;
const loadMax = 0.6;

/** Remembers which appends were named how. Names of one channel never meet those of another: `owner` tells them apart. */
export class DedupWindow {
  #newer = new Table(slotsFirst);
  #older = new Table(slotsFirst);
  #newerSinceMs = Number.NEGATIVE_INFINITY;
  readonly #key = new Uint32Array(3);

  /** What was stored under `id` less than 10 minutes before `nowMs`. */
  find(owner: number, id: string, nowMs: number): Deduped | undefined {
    hashInto(this.#key, owner, id);
    for (const table of [this.#newer, this.#older]) {
      const slot = table.find(this.#key);
      if (slot === -1 || table.counts[slot] === 0) continue;
      if (nowMs - table.timesMs[slot]! >= frameIdMs) continue;
      return { line: table.lines[slot]!, count: table.counts[slot]! };
    }
    return undefined;
  }

  add(owner: number, id: string, { line, count }: Deduped, nowMs: number): void {
    if (nowMs - this.#newerSinceMs >= frameIdMs || this.#newer.used >= namesMax) {
      this.#older = this.#newer;
      this.#newer = new Table(slotsFirst);
      this.#newerSinceMs = nowMs;
    }
    hashInto(this.#key, owner, id);
    if (this.#newer.used >= this.#newer.slots * loadMax) this.#newer = this.#newer.larger();
    this.#newer.put(this.#key, line, count, nowMs);
  }

  /** Nothing was stored under `id` after all. */
  remove(owner: number, id: string): void {
    hashInto(this.#key, owner, id);
    for (const table of [this.#newer, this.#older]) {
      const slot = table.find(this.#key);
      if (slot !== -1) table.counts[slot] = 0;
    }
  }
}

/** Open addressing. Times are positive: a slot is free while its time is 0; a removed name keeps its slot with a count of 0. */
class Table {
  readonly slots: number;
  readonly #keys: Uint32Array;
  readonly lines: Float64Array;
  readonly counts: Uint32Array;
  readonly timesMs: Float64Array;
  used = 0;

  constructor(slots: number) {
    this.slots = slots;
    this.#keys = new Uint32Array(slots * 3);
    this.lines = new Float64Array(slots);
    this.counts = new Uint32Array(slots);
    this.timesMs = new Float64Array(slots);
  }

  /** The slot of this key, or -1. */
  find(key: Uint32Array): number {
    const slot = this.#slot(key);
    return this.timesMs[slot] === 0 ? -1 : slot;
  }

  put(key: Uint32Array, line: number, count: number, timeMs: number): void {
    const slot = this.#slot(key);
    if (this.timesMs[slot] === 0) this.used++;
    this.#keys.set(key, slot * 3);
    this.lines[slot] = line;
    this.counts[slot] = count;
    this.timesMs[slot] = timeMs;
  }

  /** The same names with twice the room. */
  larger(): Table {
    const table = new Table(this.slots * 2);
    for (let slot = 0; slot < this.slots; slot++) {
      if (this.counts[slot] === 0) continue;
      const key = this.#keys.subarray(slot * 3, slot * 3 + 3);
      table.put(key, this.lines[slot]!, this.counts[slot]!, this.timesMs[slot]!);
    }
    return table;
  }

  #slot(key: Uint32Array): number {
    const mask = this.slots - 1;
    let slot = key[0]! & mask;
    while (this.timesMs[slot] !== 0 && !this.#holds(slot, key)) slot = (slot + 1) & mask;
    return slot;
  }

  #holds(slot: number, key: Uint32Array): boolean {
    const at = slot * 3;
    const keys = this.#keys;
    return keys[at] === key[0] && keys[at + 1] === key[1] && keys[at + 2] === key[2];
  }
}

// Three rounds of a multiplicative hash with different seeds. Names from outside are hashed by SHA-256 before they come here.
function hashInto(key: Uint32Array, owner: number, id: string): void {
  let a = (owner ^ 0x9e3779b9) | 0;
  let b = Math.imul(owner + 0x85ebca6b, 0xc2b2ae35);
  let c = Math.imul(owner ^ 0x27d4eb2f, 0x165667b1);
  for (let i = 0; i < id.length; i++) {
    const code = id.charCodeAt(i);
    a = Math.imul(a ^ code, 0x85ebca6b);
    a ^= a >>> 15;
    b = Math.imul(b ^ code, 0xcc9e2d51);
    b = (b << 13) | (b >>> 19);
    c = Math.imul(c + code, 0x1b873593);
    c ^= c >>> 16;
  }
  key[0] = a ^ (a >>> 13);
  key[1] = b ^ (b >>> 16);
  key[2] = c ^ (c >>> 13);
}
