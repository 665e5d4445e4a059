/**
 * A drain's state in the Store. It changes in memory at once and is written a moment later, one put at a time, so
 * that a busy drain costs few writes: a crash repeats at most what was delivered since (`commitMsMax` and one put).
 */
import type { Logger } from "pino";
import type { Clock, Store } from "../ports.ts";
import type { DrainRecord, DrainState } from "../registry/records.ts";

type KeeperOptions = {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Pick<Logger, "error">;
  readonly commitMsMax: number;
  /** Of the drain's shard, where nodes share the drains. */
  readonly lease?: number | undefined;
};

export const stateKey = (drain: { readonly id: string }): string => `drain-state/${drain.id}`;

/** Where a drain is that never ran. */
export const initialState = ({ start }: Pick<DrainRecord, "start">): DrainState => ({
  position: start.position,
  line: start.line,
  delivered: 0,
  refused: 0,
  lost: 0,
  filtered: 0,
  replayed: 0,
  phase: "idle",
});

/** Waits between attempts at a Store that fails. */
const storeRetryMs = 1_000;
/** What moves no cursor may be written so late. */
const noteMsMax = 1_000;
/** Attempts at the last write, the first included. */
const closeTriesMax = 3;

/** Holds one drain's state and writes it. */
export class StateKeeper {
  /** Called once when somebody else wrote the state: whoever keeps it here does not own the drain any more. */
  onConflict: () => void = () => {};
  readonly #key: string;
  readonly #options: KeeperOptions;
  /** The wait before a write, while there is one. */
  #wait: { readonly end: () => void; readonly afterFailure: boolean } | undefined;
  #isClosing = false;
  /** Told of the next write. */
  readonly #waiting: ((isWritten: boolean) => void)[] = [];
  #state: DrainState;
  #storedLine: number;
  #revision: number;
  #isDirty = false;
  /** When what changed is to be written. */
  #dueMs = 0;
  #writing: Promise<void> | undefined;
  /** Set while a put is under way; left when it failed: it may have been written all the same. */
  #doubtful: DrainState | undefined;
  #isLost = false;

  private constructor(key: string, state: DrainState, revision: number, options: KeeperOptions) {
    this.#key = key;
    this.#state = state;
    this.#storedLine = state.line;
    this.#revision = revision;
    this.#options = options;
  }

  /**
   * Reads the state that was stored last, or begins at the drain's start. With a lease it is claimed by a put: from
   * here on whoever kept it before cannot write it any more. It is lost at once when a later lease claimed it.
   */
  static async open(drain: DrainRecord, options: KeeperOptions): Promise<StateKeeper> {
    const key = stateKey(drain);
    const { store, lease } = options;
    for (;;) {
      const found = await store.get<DrainState>(key);
      const state = found?.value ?? initialState(drain);
      const before = found?.revision ?? 0;
      if (lease === undefined) return new StateKeeper(key, state, before, options);
      if (lease < (state.lease ?? 0)) {
        const keeper = new StateKeeper(key, state, before, options);
        keeper.#isLost = true;
        return keeper;
      }
      const claimed = { ...state, lease };
      const revision = await store.put(key, claimed, before);
      if (revision !== undefined) return new StateKeeper(key, claimed, revision, options);
    }
  }

  /** True when somebody else keeps the state: what is set here is written nowhere. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** The cursor's line as it is stored. */
  get storedLine(): number {
    return this.#storedLine;
  }

  get state(): DrainState {
    return this.#state;
  }

  /** Takes effect now and is written within `commitMsMax`. */
  set(changes: Partial<DrainState>): void {
    this.#change(changes, this.#options.commitMsMax);
  }

  /** Takes effect now and is written within a second: for what only its readers miss when it is not. */
  note(changes: Partial<DrainState>): void {
    this.#change(changes, noteMsMax);
  }

  /** Takes effect now and is written at once; false when the Store failed or somebody else keeps the state. */
  setNow(changes: Partial<DrainState>): Promise<boolean> {
    return new Promise((resolve) => {
      if (this.#isLost) return resolve(false);
      this.#waiting.push(resolve);
      this.set(changes);
      if (this.#wait?.afterFailure === false) this.#wait.end();
    });
  }

  /** Idempotent. Writes what is not written, if the Store takes it. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#wait?.end();
    await this.#writing;
  }

  #change(changes: Partial<DrainState>, msMax: number): void {
    this.#state = { ...this.#state, ...changes };
    const dueMs = this.#dueWithin(msMax);
    if (!this.#isDirty || dueMs < this.#dueMs) {
      this.#dueMs = dueMs;
      if (this.#wait?.afterFailure === false) this.#wait.end();
    }
    this.#isDirty = true;
    if (!this.#isLost) this.#writing ??= this.#write();
  }

  // All drains of one process write at the same moments: one commit of its store is for all of them.
  #dueWithin(msMax: number): number {
    const { clock, lease } = this.#options;
    const nowMs = clock.monotonicMs();
    return lease === undefined ? (Math.floor(nowMs / msMax) + 1) * msMax : nowMs + msMax;
  }

  async #write(): Promise<void> {
    let closeTries = 0;
    while (this.#isDirty && !this.#isLost) {
      while (!this.#isClosing && this.#waiting.length === 0) {
        const leftMs = this.#dueMs - this.#options.clock.monotonicMs();
        if (leftMs <= 0) break;
        await this.#pause(leftMs, false);
      }
      this.#isDirty = false;
      const waiting = this.#waiting.splice(0);
      const isWritten = await this.#put(this.#state);
      for (const tell of waiting) tell(isWritten && !this.#isLost);
      if (isWritten) continue;
      this.#isDirty = true;
      if (this.#isClosing && ++closeTries >= closeTriesMax) break; // what was delivered since will be repeated
      await this.#pause(storeRetryMs, true);
    }
    this.#writing = undefined;
    for (const tell of this.#waiting.splice(0)) tell(false);
  }

  async #pause(ms: number, afterFailure: boolean): Promise<void> {
    const ending = new AbortController();
    this.#wait = { end: () => ending.abort(), afterFailure };
    await this.#options.clock.sleep(ms, ending.signal);
    this.#wait = undefined;
  }

  // False when the Store failed and it is worth another try.
  async #put(state: DrainState): Promise<boolean> {
    const { store, logger } = this.#options;
    try {
      if (this.#doubtful !== undefined) await this.#settleDoubt(this.#doubtful);
      this.#doubtful = state;
      const revision = await store.put(this.#key, state, this.#revision);
      this.#doubtful = undefined;
      if (revision !== undefined) {
        this.#revision = revision;
        this.#storedLine = state.line;
        return true;
      }
      this.#isLost = true;
      this.onConflict();
      return true;
    } catch (err) {
      logger.error({ err, key: this.#key }, "a drain's state could not be stored");
      return false;
    }
  }

  async #settleDoubt(doubtful: DrainState): Promise<void> {
    const found = await this.#options.store.get<DrainState>(this.#key);
    if (found !== undefined && JSON.stringify(found.value) === JSON.stringify(doubtful)) {
      this.#revision = found.revision;
    }
  }
}
