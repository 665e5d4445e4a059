/**
 * The dedup ids of the last 10 minutes, in memory, for a few dozen bytes each: tables of 96-bit hashes. A new table
 * is begun when the newest is full, and old tables are dropped whole. None is ever copied into a larger one, which
 * would hold everybody up. The ids are on the disk with their lines, so that a start fills the window again.
 */
import { dedupMs } from "../engine.ts";

/** The batch that is stored under an id. */
type Deduped = { readonly line: number; readonly count: number };

/**
 * Each table has twice as many cells as the one before it, up to a quarter of all, so that few tables are searched.
 */
const cellsFirst = 1024;
/**
 * Cells of all tables: 128 MiB, two million ids. With more ids the window becomes shorter, as the oldest table is
 * dropped.
 */
const cellsMaxUsual = 4 * 1024 * 1024;
const cellBytes = 32;
const loadMax = 0.6;

/** Remembers the ids of appends. `owner` separates the ids of one channel from those of another. */
export class DedupWindow {
  readonly #cellsMax: number;
  /** The newest comes first; there is always one. */
  readonly #tables = [new Table(cellsFirst)];
  #cells = cellsFirst;
  readonly #key = new Uint32Array(3);

  constructor({ cellsMax = cellsMaxUsual }: { readonly cellsMax?: number } = {}) {
    this.#cellsMax = cellsMax;
  }

  /** Memory of the tables. */
  get bytes(): number {
    return this.#cells * cellBytes;
  }

  /** The batch that was stored under `id` less than 10 minutes before `nowMs`. */
  find(owner: number, id: string, nowMs: number): Deduped | undefined {
    hashInto(this.#key, owner, id);
    for (const table of this.#tables) {
      const cell = table.find(this.#key);
      if (cell === -1 || table.counts[cell] === 0) continue;
      if (nowMs - table.timesMs[cell]! >= dedupMs) continue;
      return { line: table.lines[cell]!, count: table.counts[cell]! };
    }
    return undefined;
  }

  add(owner: number, id: string, { line, count }: Deduped, nowMs: number): void {
    const newest = this.#tables[0]!;
    const isFull = newest.used >= newest.cells * loadMax;
    if (isFull || nowMs - newest.firstMs >= dedupMs)
      this.#begin(isFull ? Math.min(2 * newest.cells, this.#cellsMax / 4) : cellsFirst, nowMs);
    hashInto(this.#key, owner, id);
    this.#tables[0]!.put(this.#key, line, count, nowMs);
  }

  /** The append under `id` was not stored after all. */
  remove(owner: number, id: string): void {
    hashInto(this.#key, owner, id);
    for (const table of this.#tables) {
      const cell = table.find(this.#key);
      if (cell !== -1) table.counts[cell] = 0;
    }
  }

  #begin(cells: number, nowMs: number): void {
    this.#cells += cells;
    for (let oldest = this.#tables.at(-1); oldest !== undefined; oldest = this.#tables.at(-1)) {
      if (nowMs - oldest.lastMs < dedupMs && this.#cells <= this.#cellsMax) break;
      this.#cells -= oldest.cells;
      this.#tables.pop();
    }
    this.#tables.unshift(new Table(cells));
  }
}

/**
 * Open addressing. A cell is free while its time is 0; times are positive. A removed id keeps its cell, with a count
 * of 0.
 */
class Table {
  readonly cells: number;
  readonly #keys: Uint32Array;
  readonly lines: Float64Array;
  readonly counts: Uint32Array;
  readonly timesMs: Float64Array;
  used = 0;
  /** The times of its first and its last id. */
  firstMs = Number.POSITIVE_INFINITY;
  lastMs = 0;

  constructor(cells: number) {
    this.cells = cells;
    this.#keys = new Uint32Array(cells * 3);
    this.lines = new Float64Array(cells);
    this.counts = new Uint32Array(cells);
    this.timesMs = new Float64Array(cells);
  }

  /** The cell of this key, or -1. */
  find(key: Uint32Array): number {
    const cell = this.#cell(key);
    return this.timesMs[cell] === 0 ? -1 : cell;
  }

  put(key: Uint32Array, line: number, count: number, timeMs: number): void {
    const cell = this.#cell(key);
    if (this.timesMs[cell] === 0) this.used++;
    this.#keys.set(key, cell * 3);
    this.lines[cell] = line;
    this.counts[cell] = count;
    this.timesMs[cell] = timeMs;
    this.firstMs = Math.min(this.firstMs, timeMs);
    this.lastMs = Math.max(this.lastMs, timeMs);
  }

  #cell(key: Uint32Array): number {
    const mask = this.cells - 1;
    let cell = key[0]! & mask;
    while (this.timesMs[cell] !== 0 && !this.#holds(cell, key)) cell = (cell + 1) & mask;
    return cell;
  }

  #holds(cell: number, key: Uint32Array): boolean {
    const at = cell * 3;
    const keys = this.#keys;
    return keys[at] === key[0] && keys[at + 1] === key[1] && keys[at + 2] === key[2];
  }
}

// Three rounds of a multiplicative hash with different seeds. Ids from outside were hashed by SHA-256 before.
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
