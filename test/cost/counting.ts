/** Counts work: the calls that a disk gets, promises, and bytes of buffers that are asked for. */
import { createHook } from "node:async_hooks";
import { vi } from "vitest";
import type { Disk, DiskFile } from "../../src/engines/journal/disk.ts";

/** A disk that takes everything, keeps nothing, and counts the calls that a real one would get. */
export class CountingDisk implements Disk {
  writes = 0;
  syncs = 0;
  writtenBytes = 0;

  readonly #file = (): DiskFile => ({
    write: async (parts) => {
      this.writes++;
      for (const { length } of parts) this.writtenBytes += length;
    },
    writeSynced: async (parts) => {
      this.writes++;
      this.syncs++;
      for (const { length } of parts) this.writtenBytes += length;
    },
    sync: async () => {
      this.syncs++;
    },
    read: async () => 0,
    readSync: () => 0,
    truncate: async () => {},
    size: async () => 0,
    isInPlace: () => true,
    close: async () => {},
  });

  list = async () => [];
  create = async () => this.#file();
  open = async () => this.#file();
  replace = async () => {};
  remove = async () => {};
}

export type Work = { promises: number; allocatedBytes: number };

/** Counts from now on, until `end`. */
export function countWork(): { readonly work: Work; readonly end: () => void } {
  const work = { promises: 0, allocatedBytes: 0 };
  const hook = createHook({
    init: (_, type) => {
      if (type === "PROMISE") work.promises++;
    },
  }).enable();
  const spies = (["allocUnsafe", "allocUnsafeSlow"] as const).map((name) => {
    const real = Buffer[name].bind(Buffer);
    return vi.spyOn(Buffer, name).mockImplementation((bytes: number) => {
      work.allocatedBytes += bytes;
      return real(bytes);
    });
  });
  const end = () => {
    hook.disable();
    for (const spy of spies) spy.mockRestore();
  };
  return { work, end };
}

/** What was made while `work` ran, by the names of `async_hooks`. */
export async function countedIn(work: () => Promise<void>): Promise<(kind: string) => number> {
  const counts = new Map<string, number>();
  const hook = createHook({ init: (_, kind) => void counts.set(kind, (counts.get(kind) ?? 0) + 1) });
  hook.enable();
  await work();
  hook.disable();
  return (kind) => counts.get(kind) ?? 0;
}
