/** Something that happens once, with a promise of it: an `AbortController` takes most of a kilobyte, for each drain. */
export class Change {
  readonly made: Promise<void>;
  isMade = false;
  #resolve!: () => void;

  constructor() {
    this.made = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** Idempotent. */
  make(): void {
    this.isMade = true;
    this.#resolve();
  }
}
