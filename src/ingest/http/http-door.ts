/**
 * One request of `POST /logs`, from its head to its answer. Most bodies arrive whole with their head, from a sender
 * whose token is known: such a request is handled in one turn of the event loop and waits only for the log. A 204
 * says that every line is durable. Every other answer says that nothing of the request is stored, except for a 503 to
 * a request of several batches (many lines, or a key that writes to several apps): if part of it was stored, its
 * dedup id makes the repeat harmless.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { FastifyBaseLogger } from "fastify";
import { withPauses } from "../../core/scheduling/steps.ts";
import type { Clock } from "../../ports.ts";
import { inTurns } from "../../turns.ts";
import { bodyAtHand, readBody } from "../bodies/body.ts";
import type { Reservation } from "../bodies/body-budget.ts";
import type { BodyLimits } from "../bodies/body-reading.ts";
import { addPlain, jsonBytesMax, type PlainKind, processIn } from "../bodies/plain-bodies.ts";
import { PlainFrames } from "../bodies/plain-frames.ts";
import type { AppendQueues } from "../queues/append-queues.ts";
import { BodySorter, type Sorted } from "./body-sorter.ts";
import { Admission, type AdmissionOptions, type Admitted } from "./http-admission.ts";
import { answerError, answerStored } from "./http-answers.ts";

export type LogsDoorOptions = BodyLimits &
  AdmissionOptions & {
    readonly queues: Pick<AppendQueues, "appendParts" | "fits">;
    readonly clock: Pick<Clock, "nowMs">;
    readonly frameBytesMax: number;
    /** Frames of one body. */
    readonly framesMax: number;
    /** Tokens whose records are kept in memory for keys that write to every app. */
    readonly tokensMax: number;
    readonly requestIdsMax: number;
  };

export class LogsDoor {
  readonly #options: LogsDoorOptions;
  readonly #logger: Pick<FastifyBaseLogger, "error">;
  readonly #sorter: BodySorter;
  readonly #admission: Admission;

  constructor(options: LogsDoorOptions, logger: Pick<FastifyBaseLogger, "error">) {
    this.#options = options;
    this.#logger = logger;
    this.#sorter = new BodySorter(options);
    this.#admission = new Admission(options);
  }

  /** Answers the request. Never throws. */
  readonly handle = (request: IncomingMessage, response: ServerResponse): void => {
    const refuse = (error: unknown) => answerError(error, request, response, this.#logger);
    try {
      const stored = this.#take(request);
      if (stored === undefined) answerStored(response);
      else stored.then(() => answerStored(response), refuse);
    } catch (error) {
      refuse(error);
    }
  };

  /**
   * Resolves when every line is stored; returns undefined if that is so already. Throws or rejects with the error to
   * answer.
   */
  #take(request: IncomingMessage): Promise<unknown> | undefined {
    const admitted = this.#admission.admit(request);
    if (admitted instanceof Promise) return admitted.then((later) => this.#takeOf(later, request));
    return this.#takeOf(admitted, request);
  }

  #takeOf(admitted: Admitted, request: IncomingMessage): Promise<unknown> | undefined {
    const body = admitted.plain === undefined ? bodyAtHand(request, this.#options) : undefined;
    if (body === undefined) return this.#takeLater(admitted, request);
    const reservation = this.#options.bodies.reserve(admitted.of);
    let sorted: Sorted | Promise<Sorted> | undefined;
    try {
      const refusal = reservation.take(body.length);
      if (refusal !== undefined) throw refusal;
      sorted = this.#sorter.sort(admitted.writer, body, request, reservation);
    } finally {
      if (!(sorted instanceof Promise)) reservation.release(); // from here on, the queues hold the lines
    }
    if (!(sorted instanceof Promise)) return this.#store(sorted);
    return sorted.finally(() => reservation.release()).then((later) => this.#store(later));
  }

  async #takeLater({ writer, of, plain }: Admitted, request: IncomingMessage): Promise<void> {
    const reservation = this.#options.bodies.reserve(of);
    let sorted: Sorted;
    try {
      const body = await (plain === undefined
        ? readBody(request, reservation, this.#options)
        : this.#framesIn(request, plain, reservation));
      sorted = await this.#sorter.sort(writer, body, request, reservation);
    } finally {
      reservation.release();
    }
    await this.#store(sorted);
  }

  async #framesIn(request: IncomingMessage, plain: PlainKind, reservation: Reservation): Promise<Buffer> {
    const { addressOf } = this.#options;
    const process = processIn(request.url);
    const bodyBytesMax = plain === "json" ? jsonBytesMax : this.#options.bodyBytesMax;
    const body = await readBody(request, reservation, { ...this.#options, bodyBytesMax });
    const frames = new PlainFrames(process, this.#options);
    const steps = withPauses(addPlain(frames, body, plain, this.#options.framesMax), () =>
      reservation.holdLines(frames.roomBytes, body.length),
    );
    await inTurns(steps, addressOf(request.socket));
    return frames.take();
  }

  #store({ channels }: Sorted): Promise<unknown> | undefined {
    const { queues } = this.#options;
    if (channels.length === 0) return undefined;
    const appends = channels.map(([channel, parts]) => queues.appendParts(channel, parts, "http"));
    return appends.length === 1 ? appends[0] : allStored(appends);
  }
}

/** Waits for all appends, so that nothing is in flight when the answer goes out; then throws the first failure. */
async function allStored(appends: readonly Promise<unknown>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(appends)) {
    if (outcome.status === "rejected") throw outcome.reason;
  }
}
