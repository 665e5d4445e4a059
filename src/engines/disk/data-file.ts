/** Checks that the file being written is still the one that the next start will open. */
import { type Stats, statSync } from "node:fs";

/** `gone`: removed, renamed, or replaced by another file. `cut`: shorter than it was. */
export type FileState = "there" | "gone" | "cut";

export class DataFile {
  readonly path: string;
  readonly #device: number;
  readonly #inode: number;
  #bytes = 0;

  /** Opens an existing file. */
  constructor(path: string) {
    this.path = path;
    const { dev, ino } = statSync(path);
    this.#device = dev;
    this.#inode = ino;
  }

  /** Takes some microseconds, so it can be called after each write. */
  state(): FileState {
    let found: Stats | undefined;
    try {
      found = statSync(this.path, { throwIfNoEntry: false });
    } catch {
      return "gone"; // the folder can no longer be entered
    }
    if (found === undefined || found.ino !== this.#inode || found.dev !== this.#device) return "gone";
    if (found.size < this.#bytes) return "cut";
    this.#bytes = found.size;
    return "there";
  }
}
