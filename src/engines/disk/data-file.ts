/** Checks that the file being written is still the one that the next start will open. */
import { type Stats, statSync } from "node:fs";

/** `gone`: removed, renamed, or another one lies in its place. `cut`: it is shorter than it was. */
export type FileState = "there" | "gone" | "cut";

export class DataFile {
  readonly path: string;
  readonly #device: number;
  readonly #inode: number;
  #bytes = 0;

  /** Opens a file that is there. */
  constructor(path: string) {
    this.path = path;
    const { dev, ino } = statSync(path);
    this.#device = dev;
    this.#inode = ino;
  }

  /** Some microseconds: it may be asked after each write. */
  state(): FileState {
    let found: Stats | undefined;
    try {
      found = statSync(this.path, { throwIfNoEntry: false });
    } catch {
      return "gone"; // the folder is not to be entered any more
    }
    if (found === undefined || found.ino !== this.#inode || found.dev !== this.#device) return "gone";
    if (found.size < this.#bytes) return "cut";
    this.#bytes = found.size;
    return "there";
  }
}
