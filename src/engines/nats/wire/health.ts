/**
 * Asks JetStream from time to time whether it is available, and whether the log's streams are there: a working
 * connection says nothing of leaders and majorities, nor of what somebody deleted by hand.
 */

import type { Clock } from "../../../ports.ts";
import { every } from "../every.ts";
import type { Wire } from "./wire.ts";

const probeMs = 3000;
const answerMsMax = 2500;

type HealthOptions = {
  /** The subjects and the names of the streams that have to be there. */
  readonly subjects: string;
  readonly streams: readonly string[];
  /** Streams went missing, or (empty) all are there again. */
  readonly onMissing: (streams: readonly string[]) => void;
};

export class Health {
  /** True when JetStream answered the last question. */
  isReady = true;
  /** The streams that two answers in a row did not name. */
  missing: readonly string[] = [];
  #missingBefore: readonly string[] = [];
  readonly #wire: Wire;
  readonly #options: HealthOptions;
  readonly #closing = new AbortController();

  constructor(wire: Wire, clock: Clock, options: HealthOptions) {
    this.#wire = wire;
    this.#options = options;
    void every(clock, probeMs, this.#closing.signal, () => this.#probe());
  }

  close(): void {
    this.#closing.abort();
  }

  async #probe(): Promise<void> {
    const { subjects, streams: wanted, onMissing } = this.#options;
    type Names = { readonly error?: object; readonly streams?: readonly string[] | null };
    try {
      const question = JSON.stringify({ subject: subjects });
      const answer = await this.#wire.request("$JS.API.STREAM.NAMES", question, answerMsMax);
      const { error, streams } = JSON.parse(answer.string()) as Names;
      this.isReady = error === undefined;
      if (!this.isReady) return;
      const missing = wanted.filter((name) => !streams?.includes(name));
      const isSure = missing.join() === this.#missingBefore.join(); // a leader of a moment ago may not know all yet
      this.#missingBefore = missing;
      if (!isSure || missing.join() === this.missing.join()) return;
      this.missing = missing;
      onMissing(missing);
    } catch {
      this.isReady = false;
    }
  }
}
