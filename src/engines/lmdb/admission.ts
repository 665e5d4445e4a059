/** Decides how much of a transaction may be written now, by the folder's guard and by the last failure. */
import type { AppError } from "../../errors/app-error.ts";
import { storeFull } from "../../errors/store.ts";
import type { FolderGuard } from "../disk/folder-guard.ts";
import type { Work } from "./commits.ts";
import { isFull } from "./fullness.ts";

/** After this time, a disk that unexpectedly refused a write is tried again. */
const spentMs = 1_000;

type AdmissionOptions = { readonly guard: FolderGuard; readonly folder: string };

export class Admission {
  readonly #options: AdmissionOptions;
  /** How much the disk refused, and when it was asked last. */
  #spent: { readonly bytes: number; askedAtMs: number } | undefined;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** The works that may be written; the others are told why not. */
  async sift(works: readonly Work[]): Promise<readonly Work[]> {
    const { guard } = this.#options;
    if (this.#spent !== undefined && !(await this.#takesAgain(this.#spent))) {
      return refuse(works, storeFull(new Error("the disk took no write the last time")));
    }
    const refused = guard.refuses(bytesOf(works), "intake");
    if (refused === undefined) return works;
    refuse(
      works.filter(({ use }) => use === "intake"),
      refused,
    );
    const upkeep = works.filter(({ use }) => use === "upkeep");
    const refusedToo = upkeep.length > 0 ? guard.refuses(bytesOf(upkeep), "upkeep") : undefined;
    return refusedToo === undefined ? upkeep : refuse(upkeep, refusedToo);
  }

  /** A transaction of `bytes` failed for lack of space. */
  spent(bytes: number): void {
    this.#spent = { bytes, askedAtMs: performance.now() };
    this.#options.guard.spent(true);
  }

  /** Asks the disk itself, without LMDB. */
  async #takesAgain(spent: { readonly bytes: number; askedAtMs: number }): Promise<boolean> {
    const nowMs = performance.now();
    if (nowMs - spent.askedAtMs < spentMs) return false;
    spent.askedAtMs = nowMs;
    if (await isFull(this.#options.folder, spent.bytes)) return false;
    this.#spent = undefined;
    this.#options.guard.spent(false);
    return true;
  }
}

/** The bytes that all works of a transaction write. */
export const bytesOf = (works: readonly Work[]): number => works.reduce((sum, work) => sum + work.bytes, 0);

function refuse(works: readonly Work[], error: AppError): readonly Work[] {
  for (const work of works) work.failed(error);
  return [];
}
