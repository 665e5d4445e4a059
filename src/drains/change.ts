/** A one-time event with a promise. Each drain has one, and an `AbortController` would take most of a kilobyte. */
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
