/**
 * Asks JetStream from time to time whether it is available, and whether the streams of the log and of the records are
 * there: a working connection says nothing of leaders and majorities, nor of what somebody deleted by hand. Without the
 * records nobody can read a line that is stored, so a bucket without any is as good as deleted.
 */

import type { Clock } from "../../../ports.ts";
import { every } from "../every.ts";
import type { Wire } from "./wire.ts";

const probeMs = 3000;
const answerMsMax = 2500;

/** The answer about a stream that does not exist. */
const noSuchStream = 10059;

type HealthOptions = {
  /** The subjects and the names of the log's streams, which have to be there. */
  readonly subjects: string;
  readonly streams: readonly string[];
  /** The streams of buckets, which have to be there and are never empty once they have records. */
  readonly buckets: readonly string[];
  /** Streams went missing, or (empty) all are there again. */
  readonly onMissing: (streams: readonly string[]) => void;
};

type Answer = { readonly error?: { readonly err_code?: number } };

export class Health {
  /** True when JetStream answered the last question. */
  isReady = true;
  /** The streams that two answers in a row did not name. */
  missing: readonly string[] = [];
  #missingBefore: readonly string[] = [];
  readonly #filled = new Set<string>();
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
    const { buckets, onMissing } = this.#options;
    try {
      const gone = [this.#missingStreams(), ...buckets.map((bucket) => this.#missingBucket(bucket))];
      const answers = await Promise.all(gone);
      this.isReady = !answers.includes("unknown");
      if (!this.isReady) return;
      const missing = answers.flat();
      const isSure = missing.join() === this.#missingBefore.join(); // a leader of a moment ago may not know all yet
      this.#missingBefore = missing;
      if (!isSure || missing.join() === this.missing.join()) return;
      this.missing = missing;
      onMissing(missing);
    } catch {
      this.isReady = false;
    }
  }

  async #missingStreams(): Promise<readonly string[] | "unknown"> {
    const { subjects, streams: wanted } = this.#options;
    type Names = Answer & { readonly streams?: readonly string[] | null };
    const { error, streams } = await this.#ask<Names>("NAMES", { subject: subjects });
    return error === undefined ? wanted.filter((name) => !streams?.includes(name)) : "unknown";
  }

  async #missingBucket(bucket: string): Promise<readonly string[] | "unknown"> {
    type Info = Answer & { readonly state?: { readonly messages: number } };
    const { error, state } = await this.#ask<Info>(`INFO.${bucket}`, {});
    if (error?.err_code === noSuchStream) return [bucket];
    if (error !== undefined) return "unknown";
    if (state !== undefined && state.messages > 0) this.#filled.add(bucket);
    else if (this.#filled.has(bucket)) return [bucket];
    return [];
  }

  async #ask<Reply extends Answer>(what: string, question: object): Promise<Reply> {
    const answer = await this.#wire.request(`$JS.API.STREAM.${what}`, JSON.stringify(question), answerMsMax);
    return JSON.parse(answer.string()) as Reply;
  }
}
