/**
 * A server of NATS with JetStream in memory, as far as the engine asks for it, by a clock that the test holds. The engine
 * keeps the same contracts on it as on a real one. A test can break a wire, have acknowledgements lost, and have streams
 * without a leader.
 */
import { type MsgHdrs, headers as newHeaders } from "nats";
import type { Wanted } from "../../../src/engines/nats/streams.ts";
import type { Clock } from "../../../src/ports.ts";
import { asJson, type BatchRequest, batchAnswers, directAnswer } from "./answers.ts";
import { type ConsumerConfig, type Delivery, ModelConsumer } from "./consumer.ts";
import { ModelStream, matches, type Stored } from "./stream.ts";
import { ModelWire } from "./wire.ts";

type Publication = {
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly headers?: MsgHdrs;
};

const api = "$JS.API.";
const noSuchStream = { error: { code: 404, err_code: 10059, description: "stream not found" } };
const noMessage = { error: { code: 404, err_code: 10037, description: "no message found" } };

export class NatsModel {
  readonly clock: Clock;
  readonly streams = new Map<string, ModelStream>();
  /** Everything that was published, but for requests. */
  readonly published: Publication[] = [];
  /** So many acknowledgements of stored messages do not arrive. */
  acksToLose = 0;
  /** Streams have no leader: publishers get the answer that nobody is there. */
  isLeaderless = false;
  /** The same of the subjects that match. */
  leaderless: RegExp | undefined;
  /** So many questions for a next message are answered as by a server that has not applied it yet. */
  nextToMiss = 0;
  /** Consumers are on a replica that lags by so many messages: it begins with one of those that come next there. */
  consumersLag = 0;
  /** As a server from 2.11 on: one question is answered by many messages. */
  knowsBatches = true;
  /** So many messages of answers do not arrive. */
  batchedToLose = 0;
  /** Nothing is answered. */
  isSilent = false;
  /** What a publish to a stream is refused with; absent: it is not. */
  refusal: { readonly code: number; readonly err_code: number; readonly description: string } | undefined;
  readonly #wires = new Set<ModelWire>();
  readonly #consumers = new Map<string, ModelConsumer>();
  readonly #startMs: number;
  #names = 0;

  constructor(clock: Clock) {
    this.clock = clock;
    this.#startMs = clock.nowMs() - clock.monotonicMs();
  }

  /** The server's own time of day: it does not jump with the client's. */
  nowMs(): number {
    return this.#startMs + this.clock.monotonicMs();
  }

  connect(): ModelWire {
    const wire = new ModelWire(this, () => this.#wires.delete(wire));
    this.#wires.add(wire);
    return wire;
  }

  add(config: Wanted): void {
    this.streams.set(config.name, new ModelStream(config, () => this.nowMs()));
  }

  /** What a wire publishes. */
  publish(publication: Publication, reply: string | undefined): void {
    const { subject, payload } = publication;
    if (this.isSilent) return;
    if (subject.startsWith(api)) this.#asked(subject.slice(api.length), payload, reply ?? "");
    else this.#taken(publication, reply);
  }

  /** A message that is no question to JetStream. */
  #taken(publication: Publication, reply: string | undefined): void {
    const { subject, payload, headers } = publication;
    this.published.push(publication);
    const message = { subject, payload, headers: headers ?? newHeaders() };
    const isHeard = this.deliver(subject, { ...message, ...(reply !== undefined && { reply }) });
    const stream = [...this.streams.values()].find((other) => other.takes(subject));
    if (stream === undefined) {
      if (!isHeard) this.#nobody(reply);
    } else if (this.isLeaderless || this.leaderless?.test(subject)) this.#nobody(reply);
    else if (this.refusal !== undefined) this.#answer(reply, { error: this.refusal });
    else {
      const before = stream.last(subject)?.sequence ?? 0;
      const { ack, stored } = stream.publish(subject, payload, headers);
      if (stored !== undefined) this.#stored(stream, stored, before);
      if (stored !== undefined && this.acksToLose > 0) this.acksToLose--;
      else this.#answer(reply, ack);
    }
  }

  /** Hands a message to who has subscribed to `to`; false when nobody has. */
  deliver(to: string, message: Delivery): boolean {
    let isHeard = false;
    for (const wire of this.#wires) isHeard = wire.hear(to, message) || isHeard;
    return isHeard;
  }

  /** Tells that the stream has a new leader. */
  elected(stream: string): void {
    const subject = `$JS.EVENT.ADVISORY.STREAM.LEADER_ELECTED.${stream}`;
    this.deliver(subject, { subject, payload: new Uint8Array(), headers: newHeaders() });
  }

  #stored(stream: ModelStream, { subject, payload, sequence }: Stored, before: number): void {
    const { republish } = stream.config;
    if (republish?.src !== undefined && matches(republish.src, subject)) {
      const live = republish.dest.replace("{{wildcard(1)}}", subject.split(".").at(-1)!);
      const headers = newHeaders();
      headers.set("Nats-Sequence", String(sequence));
      headers.set("Nats-Last-Sequence", String(before));
      this.deliver(live, { subject: live, payload, headers });
    }
    for (const consumer of this.#consumers.values()) if (consumer.stream === stream) consumer.feed();
  }

  #asked(subject: string, payload: Uint8Array, reply: string): void {
    const request = payload.length === 0 ? {} : JSON.parse(Buffer.from(payload).toString());
    const kind = /^(?:INFO|DIRECT\.GET|STREAM\.(?:MSG\.)?[A-Z]+|CONSUMER\.(?:MSG\.)?[A-Z]+)/.exec(
      subject,
    )![0];
    const [streamName = "", consumerName = ""] = subject.slice(kind.length + 1).split(".");
    const stream = this.streams.get(streamName);
    const consumer = this.#consumers.get(consumerName);
    if (kind === "INFO") this.#answer(reply, {});
    else if (kind === "STREAM.NAMES") this.#answer(reply, { streams: [...this.streams.keys()] });
    else if (kind === "DIRECT.GET" && stream !== undefined && request.batch > 0 && this.knowsBatches)
      this.#batch(reply, stream, request);
    else if (kind === "DIRECT.GET" && stream !== undefined) this.#direct(reply, this.#found(stream, request));
    else if (kind === "CONSUMER.MSG.NEXT" && consumer !== undefined)
      consumer.pull(reply, request.batch, request.expires / 1_000_000);
    else if (kind === "DIRECT.GET" || kind === "CONSUMER.MSG.NEXT") this.#nobody(reply);
    else if (stream === undefined) this.#answer(reply, noSuchStream);
    else this.#answer(reply, this.#done(kind, stream, consumerName, request));
  }

  /** Does what the leader of a stream is asked for; its answer. */
  #done(kind: string, stream: ModelStream, consumerName: string, request: Request): object {
    switch (kind) {
      case "STREAM.MSG.GET": {
        const message = this.#found(stream, request);
        return message === undefined ? noMessage : { message: asJson(message) };
      }
      case "STREAM.INFO":
        return { config: stream.config, state: { last_seq: stream.lastSequence } };
      case "STREAM.PURGE":
        stream.purge(request.filter!, request.seq);
        return { success: true };
      case "CONSUMER.CREATE": {
        const name = `consumer-${++this.#names}`;
        const give = (to: string, delivery: Delivery) => this.deliver(to, delivery);
        const first = stream.lastSequence - this.consumersLag + 1;
        const { opt_start_seq: start = 1 } = request.config!;
        const config = { ...request.config!, opt_start_seq: Math.min(start, first) };
        const made = new ModelConsumer(name, stream, config, this.clock, give);
        this.#consumers.set(name, made);
        return { name, num_pending: made.pending };
      }
      case "CONSUMER.DELETE":
        this.#consumers.get(consumerName)?.close();
        this.#consumers.delete(consumerName);
        return { success: true };
      default:
        throw new Error(`the model knows no ${kind}`);
    }
  }

  #found(stream: ModelStream, { seq, next_by_subj, last_by_subj }: Lookup): Stored | undefined {
    if (last_by_subj !== undefined) return stream.last(last_by_subj);
    if (next_by_subj === undefined) return stream.at(seq!);
    const next = stream.next(seq!, next_by_subj);
    if (next === undefined || this.nextToMiss === 0) return next;
    this.nextToMiss--;
    return undefined;
  }

  #batch(reply: string, stream: ModelStream, request: BatchRequest): void {
    const found = (seq: number) => this.#found(stream, { seq, next_by_subj: request.next_by_subj });
    const answers = batchAnswers(stream, request, found);
    const lost = Math.min(this.batchedToLose, answers.length - 1);
    this.batchedToLose -= lost;
    for (const answer of answers.slice(lost)) this.deliver(reply, { subject: reply, ...answer });
  }

  #direct(reply: string, message: Stored | undefined): void {
    this.deliver(reply, { subject: reply, ...directAnswer(message) });
  }

  #answer(reply: string | undefined, body: object): void {
    if (reply === undefined || reply === "") return;
    this.deliver(reply, {
      subject: reply,
      payload: Buffer.from(JSON.stringify(body)),
      headers: newHeaders(),
    });
  }

  #nobody(reply: string | undefined): void {
    if (reply === undefined || reply === "") return;
    this.deliver(reply, {
      subject: reply,
      payload: new Uint8Array(),
      headers: newHeaders(503, "No Responders"),
    });
  }
}

type Request = Lookup & { readonly filter?: string; readonly config?: ConsumerConfig };
type Lookup = { readonly seq?: number; readonly next_by_subj?: string; readonly last_by_subj?: string };
