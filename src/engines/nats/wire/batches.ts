/**
 * Reads many messages with one question, which any copy of a stream answers without a consumer. Servers from 2.11 on
 * can do this. Older ones answer the same question with one message and do not say how many follow, which is how they
 * are told apart.
 */
import { createInbox, type Msg } from "nats";
import { storeUncertain } from "../../../errors/store.ts";
import type { Clock } from "../../../ports.ts";
import { directHead } from "./direct-head.ts";
import type { PullSlots } from "./pull-slots.ts";
import type { Untaken } from "./untaken.ts";
import type { Wire } from "./wire.ts";

/** A message in memory of its own. */
export type Kept = { readonly sequence: number; readonly payload: Uint8Array };

/** `single`: the server does not know batches. No messages: there are none from there on. */
type Answer = { readonly kind: "batch" | "single"; readonly messages: readonly Kept[] };

/** A stream, a subject in it, and the place to read from. */
type Question = {
  readonly stream: string;
  readonly subject: string;
  readonly start: { readonly seq: number } | { readonly start_time: string };
};

type BatchesParts = {
  readonly wire: Wire;
  readonly clock: Clock;
  readonly slots: PullSlots;
  readonly untaken: Untaken;
};

const attemptMsMax = 2000;
const answerMsMax = 8000;
const pauseMs = 100;

type Asked = { readonly messages: Kept[]; readonly end: (kind: Answer["kind"] | undefined) => void };

export class Batches {
  readonly #parts: BatchesParts;
  readonly #inbox = `${createInbox()}.`;
  readonly #asked = new Map<string, Asked>();
  #isSubscribed = false;
  #tokens = 0;

  constructor(parts: BatchesParts) {
    this.#parts = parts;
  }

  /**
   * The first `count` messages from there on, or fewer if they are large: an answer ends with the message that
   * exceeds its share of memory. Callers that ask the same share one answer. Rejects with `storeUncertain`.
   */
  ask(question: Question, count: number): Promise<Answer> {
    const { stream, subject, start } = question;
    const place = "seq" in start ? start.seq : start.start_time;
    const name = `${stream} ${subject} ${place} ${count}`;
    return this.#parts.slots.ask(subject, name, () => this.#answer(question, count));
  }

  async #answer(question: Question, count: number): Promise<Answer> {
    const { wire, clock } = this.#parts;
    const giveUpAtMs = clock.monotonicMs() + answerMsMax;
    do {
      const answer = wire.connected ? await this.#attempt(question, count) : undefined;
      if (answer !== undefined) return answer;
      await clock.sleep(pauseMs);
    } while (clock.monotonicMs() < giveUpAtMs);
    throw storeUncertain(new Error(`NATS cannot answer for ${question.subject} now`));
  }

  #attempt({ stream, subject, start }: Question, batch: number): Promise<Answer | undefined> {
    const { wire, clock, untaken } = this.#parts;
    if (!this.#isSubscribed) wire.subscribe(`${this.#inbox}*`, (msg) => this.#take(msg)); // for as long as the wire exists
    this.#isSubscribed = true;
    const token = (this.#tokens++).toString(36);
    const messages: Kept[] = [];
    const ended = new AbortController();
    return new Promise((resolve) => {
      const end: Asked["end"] = (kind) => {
        if (!this.#asked.delete(token)) return;
        ended.abort();
        // Messages that came in order are good, even if the answer is incomplete.
        const isAnswer = kind !== undefined || messages.length > 0;
        resolve(isAnswer ? { kind: kind ?? "batch", messages } : undefined);
      };
      this.#asked.set(token, { messages, end });
      void clock.sleep(attemptMsMax, ended.signal).then(() => end(undefined));
      const request = { ...start, next_by_subj: subject, batch, max_bytes: untaken.share };
      try {
        wire.publish(`$JS.API.DIRECT.GET.${stream}`, JSON.stringify(request), { reply: this.#inbox + token });
      } catch {
        end(undefined); // the connection is closed
      }
    });
  }

  #take(msg: Msg): void {
    const asked = this.#asked.get(msg.subject.slice(this.#inbox.length));
    if (asked === undefined) return;
    const { messages, end } = asked;
    const head = directHead(msg);
    if (!("sequence" in head)) {
      end(head.code === 204 || head.code === 404 ? "batch" : undefined);
      return;
    }
    const { isBatch, before, sequence } = head;
    if (isBatch && before !== (messages.at(-1)?.sequence ?? 0)) {
      end(undefined); // one is missing
      return;
    }
    const { data } = msg;
    const payload = Buffer.allocUnsafeSlow(data.length); // a copy, so that the whole read of the socket is not kept for it
    payload.set(data);
    messages.push({ sequence, payload });
    if (!isBatch) end("single");
  }
}
