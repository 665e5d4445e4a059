/** The other nodes of a cluster on NATS, asked by plain messages: nothing is stored. */
import { randomUUID } from "node:crypto";
import type { OtherNodes, otherNodesLimits } from "../../other-nodes.ts";
import type { Clock } from "../../ports.ts";
import type { Wire } from "./wire/wire.ts";

type Limits = { readonly [Name in keyof typeof otherNodesLimits]: number };

const subjectOf = (question: string): string => `nodes.${question}`;

export class NatsOtherNodes implements OtherNodes {
  readonly #wire: Wire;
  readonly #clock: Pick<Clock, "sleep">;
  readonly #limits: Limits;
  /** Every node receives all questions, and ignores its own. */
  readonly #id = randomUUID();

  constructor(wire: Wire, clock: Pick<Clock, "sleep">, limits: Limits) {
    this.#wire = wire;
    this.#clock = clock;
    this.#limits = limits;
  }

  async ask(question: string): Promise<readonly (readonly unknown[])[]> {
    const { answerMsMax, answersMax } = this.#limits;
    const inbox = `_INBOX.${randomUUID()}`;
    const lists: (readonly unknown[])[] = [];
    const enough = new AbortController();
    const end = this.#wire.subscribe(inbox, ({ data }) => {
      const list = listIn(data);
      if (list !== undefined && lists.length < answersMax) lists.push(list);
      if (lists.length === answersMax) enough.abort();
    });
    try {
      this.#wire.publish(subjectOf(question), this.#id, { reply: inbox });
      await this.#clock.sleep(answerMsMax, enough.signal);
    } catch {
      // The connection is closed, so there is nobody to ask.
    } finally {
      end();
    }
    return lists;
  }

  answer(question: string, make: () => readonly unknown[]): () => void {
    return this.#wire.subscribe(subjectOf(question), ({ data, reply }) => {
      if (reply === undefined || Buffer.from(data).toString() === this.#id) return;
      try {
        this.#wire.publish(reply, fitting(make(), this.#wire.payloadBytesMax));
      } catch {
        // The connection is closed: the node that asked goes on without this answer.
      }
    });
  }
}

/** The list as JSON, cut at its end to fit into one message. */
function fitting(list: readonly unknown[], bytesMax: number): string {
  const text = JSON.stringify(list);
  if (Buffer.byteLength(text) <= bytesMax) return text;
  return fitting(list.slice(0, Math.floor(list.length / 2)), bytesMax);
}

function listIn(data: Uint8Array): readonly unknown[] | undefined {
  try {
    const list: unknown = JSON.parse(Buffer.from(data).toString());
    return Array.isArray(list) ? list : undefined;
  } catch {
    return undefined; // NATS itself says that nobody is listening
  }
}
