/**
 * Asks JetStream from time to time whether it is available: a working connection says nothing of leaders and
 * majorities.
 */

import type { Clock } from "../../../ports.ts";
import { every } from "../every.ts";
import type { Wire } from "./wire.ts";

const probeMs = 3000;
const answerMsMax = 2500;

export class Health {
  /** True when JetStream answered the last question. */
  isReady = true;
  readonly #wire: Wire;
  readonly #closing = new AbortController();

  constructor(wire: Wire, clock: Clock) {
    this.#wire = wire;
    void every(clock, probeMs, this.#closing.signal, () => this.#probe());
  }

  close(): void {
    this.#closing.abort();
  }

  async #probe(): Promise<void> {
    try {
      const answer = await this.#wire.request("$JS.API.INFO", "", answerMsMax);
      this.isReady = (JSON.parse(answer.string()) as { error?: object }).error === undefined;
    } catch {
      this.isReady = false;
    }
  }
}
