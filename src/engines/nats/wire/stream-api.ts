/**
 * The few requests of the JetStream API for single messages, in the form that every server since 2.9 understands.
 * Each is retried for a while, as a leader may just have been elected, or the connection may just have come back.
 */
import type { Msg, NatsError } from "nats";
import { storeUncertain } from "../../../errors/store.ts";
import type { Clock } from "../../../ports.ts";
import type { Wire } from "./wire.ts";

/** One message of a stream. */
type Lookup =
  | { readonly seq: number }
  | { readonly seq: number; readonly next_by_subj: string }
  | { readonly last_by_subj: string };

export type RawMessage = {
  readonly subject: string;
  readonly sequence: number;
  readonly payload: Uint8Array;
  /** NATS headers as they were published, or none. */
  header(name: string): string;
};

const attemptMsMax = 2000;
const pauseMs = 100;
/** A question without an answer is given up after this. */
export const answerMsMax = 8000;
const noMessage = 10037;
const noSuchConsumer = 10014;

export class StreamApi {
  readonly #wire: Wire;
  readonly #clock: Clock;

  constructor(wire: Wire, clock: Clock) {
    this.#wire = wire;
    this.#clock = clock;
  }

  /** Answered by any replica, which may be a little behind the leader. */
  async direct(stream: string, lookup: Lookup): Promise<RawMessage | undefined> {
    const msg = await this.#ask(`$JS.API.DIRECT.GET.${stream}`, lookup, (answer) => {
      const code = answer.headers?.code ?? 0;
      return code === 0 || code === 404;
    });
    if (msg.headers?.code === 404) return undefined;
    const { headers, data } = msg;
    return {
      subject: headers!.get("Nats-Subject"),
      sequence: Number(headers!.get("Nats-Sequence")),
      payload: data,
      header: (name) => headers!.get(name),
    };
  }

  /** Answered by the leader, so that everything that was acknowledged is seen. */
  async fromLeader(stream: string, lookup: Lookup): Promise<RawMessage | undefined> {
    type Found = { subject: string; seq: number; data?: string; hdrs?: string };
    const answer = await this.json<{ message: Found }>(`STREAM.MSG.GET.${stream}`, lookup, [noMessage]);
    if (answer === undefined) return undefined;
    const { subject, seq, data = "", hdrs } = answer.message;
    const lines = hdrs === undefined ? [] : Buffer.from(hdrs, "base64").toString("latin1").split("\r\n");
    return {
      subject,
      sequence: seq,
      payload: Buffer.from(data, "base64"),
      header: (name) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2) ?? "",
    };
  }

  /** The leader's last sequence: everything up to it is stored, or was removed again. */
  async lastSequence(stream: string): Promise<number> {
    const info = await this.json<{ state: { last_seq: number } }>(`STREAM.INFO.${stream}`, {});
    return info!.state.last_seq;
  }

  /** Removes the messages of one subject: all, or those before sequence `before`. */
  async purge(stream: string, subject: string, before?: number): Promise<void> {
    await this.json(`STREAM.PURGE.${stream}`, {
      filter: subject,
      ...(before !== undefined && { seq: before }),
    });
  }

  /**
   * Creates a consumer that is removed when nobody pulls from it. Returns its name and the number of messages that it
   * will give.
   */
  async addConsumer(stream: string, config: object): Promise<{ name: string; pending: number }> {
    const request = { stream_name: stream, config };
    const made = await this.json<{ name: string; num_pending?: number }>(
      `CONSUMER.CREATE.${stream}`,
      request,
    );
    return { name: made!.name, pending: made!.num_pending ?? 0 };
  }

  async removeConsumer(stream: string, name: string): Promise<void> {
    await this.json(`CONSUMER.DELETE.${stream}.${name}`, {}, [noSuchConsumer]);
  }

  /** The answer's body; undefined for an error in `absences`. Rejects with `storeUncertain` for other errors. */
  async json<Answer>(
    subject: string,
    request: object,
    absences: readonly number[] = [],
  ): Promise<Answer | undefined> {
    type Body = { error?: { code: number; err_code?: number; description?: string } };
    let body: Body = {};
    await this.#ask(`$JS.API.${subject}`, request, (answer) => {
      if (answer.data.length === 0) return false;
      body = JSON.parse(answer.string());
      return body.error === undefined || body.error.code !== 503;
    });
    if (body.error === undefined) return body as Answer;
    if (absences.includes(body.error.err_code ?? 0)) return undefined;
    throw storeUncertain(new Error(`NATS answers ${subject}: ${body.error.description ?? body.error.code}`));
  }

  async #ask(subject: string, request: object, isAnswer: (msg: Msg) => boolean): Promise<Msg> {
    const giveUpAtMs = this.#clock.monotonicMs() + answerMsMax;
    const payload = JSON.stringify(request);
    let cause: unknown = new Error("there is no connection to NATS");
    do {
      if (this.#wire.connected) {
        try {
          const msg = await this.#wire.request(subject, payload, attemptMsMax);
          if (isAnswer(msg)) return msg;
          cause = new Error(`NATS cannot answer ${subject} now`);
        } catch (error) {
          cause = error;
          if ((error as NatsError).code === "CONNECTION_CLOSED") break;
        }
      }
      await this.#clock.sleep(pauseMs);
    } while (this.#clock.monotonicMs() < giveUpAtMs);
    throw storeUncertain(cause);
  }
}
