/** Tells the user that lines wait because the server does not take them, and that it takes them again. */
import type { Output } from "../output.ts";
import type { Destination } from "./destinations.ts";
import type { ShipperOptions } from "./shipper.ts";

/** Failed tries before the user is told. */
const triesBeforeNote = 3;

export class AwayNote {
  readonly #output: Pick<Output, "note">;
  readonly #host: Destination["host"];
  /** True while the user knows that lines wait. */
  #isTold = false;
  #isEnding = false;

  constructor(output: Pick<Output, "note">, host: Destination["host"]) {
    this.#output = output;
    this.#host = host;
  }

  /** For the shipper, or shippers, of one server. */
  readonly calls: Pick<ShipperOptions, "onRetry" | "onTakenAgain"> = {
    onRetry: (reason, attempt) => {
      if (attempt !== triesBeforeNote || this.#isTold || this.#isEnding) return;
      this.#isTold = true;
      this.#output.note(`tailrace: ${this.#host()} does not take the lines (${reason}); they wait`);
    },
    onTakenAgain: () => {
      if (!this.#isTold || this.#isEnding) return;
      this.#isTold = false;
      this.#output.note(`tailrace: ${this.#host()} takes the lines again, those that waited first`);
    },
  };

  /** The user was told in other words that lines wait. */
  told(): void {
    this.#isTold = true;
  }

  /** The end reports its own progress. */
  end(): void {
    this.#isEnding = true;
  }
}
