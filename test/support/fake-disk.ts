/**
 * A disk in memory that keeps only what was synced: `crash` gives the disk that the next process finds. What was
 * written and not synced survives in any mixture of sectors, in any order. Faults
 * are asked for call by call.
 */
import { setImmediate as turn } from "node:timers/promises";
import type { Disk, DiskFile } from "../../src/engines/journal/disk.ts";

const sectorBytes = 512;

/** What happens to one call: nothing, or an error before it has any effect, after part of it, or after all of it. */
export type Fault = "none" | "refused" | "partial" | "whole";
type DiskCall = "write" | "sync" | "read" | "truncate" | "create" | "replace" | "remove";

type Content = {
  /** On the disk. */
  synced: Buffer;
  /** As processes see it. */
  seen: Buffer;
  /** Sectors that are not on the disk as they are seen. */
  readonly dirty: Set<number>;
};

export class FakeDisk implements Disk {
  readonly #files = new Map<string, Content>();
  /** Removed files that may be there again after a crash. */
  readonly #removed = new Map<string, Content>();
  /** Decides what happens to each call. */
  fault: (call: DiskCall) => Fault = () => "none";
  /** The turns of the event loop for which a synced write waits before it begins, and again before it is answered. */
  lateTurns: () => number = () => 0;
  calls = 0;

  async list(): Promise<readonly string[]> {
    return [...this.#files.keys()].sort();
  }

  async create(name: string): Promise<DiskFile> {
    this.#ask("create");
    const content: Content = { synced: Buffer.alloc(0), seen: Buffer.alloc(0), dirty: new Set() };
    this.#files.set(name, content);
    this.#removed.clear();
    return this.#open(content);
  }

  async open(name: string): Promise<DiskFile> {
    const content = this.#files.get(name);
    if (content === undefined) throw Object.assign(new Error(`no file ${name}`), { code: "ENOENT" });
    return this.#open(content);
  }

  async replace(name: string, parts: readonly Uint8Array[]): Promise<void> {
    this.#ask("replace");
    const bytes = Buffer.concat(parts);
    this.#files.set(name, { synced: bytes, seen: Buffer.from(bytes), dirty: new Set() });
    this.#removed.clear();
  }

  async remove(name: string): Promise<void> {
    const fault = this.fault("remove");
    this.calls++;
    const content = this.#files.get(name);
    if (fault !== "refused" && content !== undefined) this.#files.delete(name);
    if (fault === "partial" && content !== undefined) this.#removed.set(name, content);
    if (fault !== "none") throw failure();
  }

  /** What a process that starts after a power cut finds. `random` is in [0, 1). */
  crash(random: () => number): FakeDisk {
    const next = new FakeDisk();
    const survivors = [...this.#files, ...[...this.#removed].filter(() => random() < 0.5)];
    for (const [name, content] of survivors) next.#files.set(name, afterCrash(content, random));
    return next;
  }

  /** All bytes as processes see them, file by file. */
  contents(): ReadonlyMap<string, Buffer> {
    return new Map([...this.#files].map(([name, { seen }]) => [name, seen]));
  }

  /** Flips one bit, on the disk too. */
  flip(name: string, bit: number): void {
    for (const bytes of [this.#files.get(name)!.seen, this.#files.get(name)!.synced]) {
      if (bit >> 3 < bytes.length) bytes[bit >> 3]! ^= 1 << (bit & 7);
    }
  }

  #open(content: Content): DiskFile {
    const file: DiskFile = {
      writeSynced: async (parts, at) => {
        await turns(this.lateTurns());
        await file.write(parts, at).then(() => file.sync());
        await turns(this.lateTurns());
      },
      write: async (parts, at) => {
        const bytes = Buffer.concat(parts);
        const fault = this.fault("write");
        this.calls++;
        if (fault === "refused") throw failure();
        write(content, fault === "partial" ? bytes.subarray(0, bytes.length >> 1) : bytes, at);
        if (fault !== "none") throw failure();
      },
      sync: async () => {
        const fault = this.fault("sync");
        this.calls++;
        // A sync that failed may have written some of it, and a later one does not try the rest again.
        if (fault === "partial")
          for (const sector of [...content.dirty].slice(1)) syncSector(content, sector);
        if (fault === "refused" || fault === "partial") {
          content.dirty.clear();
          throw failure();
        }
        for (const sector of content.dirty) syncSector(content, sector);
        content.synced = Buffer.from(content.synced.subarray(0, content.seen.length));
        content.dirty.clear();
        if (fault === "whole") throw failure();
      },
      read: async (into, at) => {
        this.#ask("read");
        return content.seen.copy(into, 0, at);
      },
      readSync: (into, at) => content.seen.copy(into, 0, at),
      truncate: async (bytes) => {
        this.#ask("truncate");
        content.seen = Buffer.from(content.seen.subarray(0, bytes));
      },
      size: async () => content.seen.length,
      isInPlace: () => true,
      close: async () => {},
    };
    return file;
  }

  #ask(call: DiskCall): void {
    this.calls++;
    if (this.fault(call) !== "none") throw failure();
  }
}

async function turns(count: number): Promise<void> {
  for (let left = count; left > 0; left--) await turn();
}

const failure = () => Object.assign(new Error("the disk failed"), { code: "EIO" });

function write(content: Content, bytes: Uint8Array, at: number): void {
  const end = at + bytes.length;
  if (end > content.seen.length) {
    const longer = Buffer.alloc(end);
    content.seen.copy(longer);
    content.seen = longer;
  }
  content.seen.set(bytes, at);
  for (let sector = Math.floor(at / sectorBytes); sector * sectorBytes < end; sector++)
    content.dirty.add(sector);
}

function syncSector(content: Content, sector: number): void {
  const start = sector * sectorBytes;
  const end = Math.min(content.seen.length, start + sectorBytes);
  if (end <= start) return;
  if (end > content.synced.length) {
    const longer = Buffer.alloc(end);
    content.synced.copy(longer);
    content.synced = longer;
  }
  content.seen.copy(content.synced, start, start, end);
}

function afterCrash(content: Content, random: () => number): Content {
  const copy: Content = { synced: Buffer.from(content.synced), seen: content.seen, dirty: new Set() };
  const all = random() < 0.2;
  const none = random() < 0.2;
  for (const sector of content.dirty) if (!none && (all || random() < 0.5)) syncSector(copy, sector);
  // A truncation that was not synced may be there or not.
  const bytes =
    content.seen.length < copy.synced.length && random() < 0.5 ? content.seen.length : copy.synced.length;
  const found = Buffer.from(copy.synced.subarray(0, bytes));
  return { synced: Buffer.from(found), seen: found, dirty: new Set() };
}
