/**
 * Checks that a data file is whole before LMDB opens it. LMDB maps the file; if it is truncated, zeroed or not
 * LMDB's, the process dies without a message, at once or when a missing page is read.
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import {
  type FileHead,
  headBytes,
  pageBytesMax,
  pageBytesMin,
  type Root,
  readHead,
  readTreePage,
} from "./pages.ts";

/** Pages that are checked in any case: the heads, the roots, and those next to them. */
const pagesMax = 2_000;

type FileCheck = {
  /** The fault, worded to follow "it is"; undefined if none was found. */
  readonly damage?: string;
  /** The named trees of the file. */
  readonly names: readonly string[];
  readonly pages: number;
};

/**
 * Checks the file at `path`, which is not empty: all of it if it is shorter than its head says, otherwise its upper
 * pages.
 */
export function checkFile(path: string): FileCheck {
  const file = openSync(path, "r");
  try {
    return new Check(file).run();
  } finally {
    closeSync(file);
  }
}

type Waiting = { readonly page: number; readonly isMain: boolean };

class Check {
  readonly #file: number;
  readonly #bytes: number;
  readonly #names: string[] = [];
  #pages = 0;

  constructor(file: number) {
    this.#file = file;
    this.#bytes = fstatSync(file).size;
  }

  run(): FileCheck {
    const head = this.#head();
    const damage = typeof head === "string" ? head : this.#walk(head);
    return { ...(damage !== undefined && { damage }), names: this.#names, pages: this.#pages };
  }

  /** The newer of the two heads, which the last transaction wrote. */
  #head(): FileHead | string {
    const first = this.#headAt(0);
    if (typeof first === "string") return first;
    const { pageBytes } = first;
    if (pageBytes < pageBytesMin || pageBytes > pageBytesMax || (pageBytes & (pageBytes - 1)) !== 0)
      return "damaged: its first page names no size of pages";
    const second = this.#headAt(pageBytes);
    if (typeof second === "string") return "damaged: its second page is no head";
    return second.transaction > first.transaction ? second : first;
  }

  #headAt(at: number): ReturnType<typeof readHead> | string {
    const page = this.#read(at, headBytes);
    return page === undefined ? `cut: it has ${this.#bytes} bytes` : readHead(page);
  }

  #walk(head: FileHead): string | undefined {
    const { pageBytes, lastPage } = head;
    // The file may be shorter than its head says if the last pages are free; to know that, all other pages must be
    // read.
    const isShort = this.#bytes < (lastPage + 1) * pageBytes;
    const limit = isShort ? lastPage + 1 : pagesMax;
    const waiting: Waiting[] = [];
    const add = (root: Root, isMain: boolean) => {
      if (root !== undefined) waiting.push({ page: root, isMain });
    };
    add(head.free, false);
    add(head.main, true);
    for (let at = 0; at < waiting.length; at++) {
      if (this.#pages >= limit) return isShort ? "damaged: its pages lead in a circle" : undefined;
      const { page, isMain } = waiting[at]!;
      const found = this.#treePage(page, head);
      if (typeof found === "string") return found;
      for (const { page: first, count } of found.runs) {
        if (first + count - 1 > lastPage || (first + count) * pageBytes > this.#bytes)
          return this.#missing(first, pageBytes);
      }
      for (const child of found.children) waiting.push({ page: child, isMain });
      for (const { name, root } of isMain ? found.trees : []) {
        this.#names.push(name);
        add(root, false);
      }
    }
    return undefined;
  }

  #treePage(
    page: number,
    { pageBytes, lastPage }: FileHead,
  ): (ReturnType<typeof readTreePage> & {}) | string {
    this.#pages++;
    if (page > lastPage) return `damaged: it leads to page ${page}, which it never had`;
    const bytes = this.#read(page * pageBytes, pageBytes);
    if (bytes === undefined) return this.#missing(page, pageBytes);
    return readTreePage(bytes, page) ?? `damaged: page ${page} does not hold what it should`;
  }

  #missing(page: number, pageBytes: number): string {
    return `cut: it has ${this.#bytes} bytes, and page ${page} of ${pageBytes} bytes is used and not there`;
  }

  #read(at: number, bytes: number): Buffer | undefined {
    if (!(at + bytes <= this.#bytes)) return undefined;
    const buffer = Buffer.allocUnsafe(bytes);
    return readSync(this.#file, buffer, 0, bytes, at) === bytes ? buffer : undefined;
  }
}
