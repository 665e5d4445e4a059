/**
 * Checks the head of a request to `POST /logs`: who may write, in which form, and whether there is room for the body.
 */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import {
  codingUnsupported,
  drainLoop,
  ingestMediaType,
  ingestNotAcceptable,
  tokenNeeded,
} from "../../errors/ingest.ts";
import { overloaded } from "../../errors/store.ts";
import type { BodyBudget, BodyOf } from "../bodies/body-budget.ts";
import { codingOf } from "../bodies/body-coding.ts";
import { type PlainKind, plainKindOf } from "../bodies/plain-bodies.ts";
import type { AppendQueues } from "../queues/append-queues.ts";
import type { Loops, TokenLookup } from "../routing/router.ts";
import { type KeyLookup, type Writer, writerFor } from "../routing/writer.ts";
import type { SenderFaults } from "../senders/sender-faults.ts";

export type AdmissionOptions = {
  readonly bodies: BodyBudget;
  readonly queues: Pick<AppendQueues, "fits">;
  readonly bodyBytesMax: number;
  /** Maps a connection to its address, for the share of that address. */
  readonly addressOf: (socket: Socket) => string;
  readonly tokens: TokenLookup;
  readonly keys: KeyLookup;
  readonly loops: Loops;
  readonly faults: Pick<SenderFaults, "note">;
};

/** A request whose body may be read. */
export type Admitted = {
  readonly writer: Writer;
  /** The kind of body; undefined for frames. */
  readonly plain: PlainKind | undefined;
  /** The owner of the body, for the shares of app and address. */
  readonly of: BodyOf;
};

const mediaTypes = new Set<unknown>(["application/logplex-1", "application/x-logplex-1"]);

export class Admission {
  readonly #options: AdmissionOptions;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /**
   * Throws or rejects for a request that is refused before its body is read, in the order of
   * docs/spec/wire-in.md#w3-1. A sender with a known token is admitted at once.
   */
  admit(request: IncomingMessage): Admitted | Promise<Admitted> {
    const writer = writerFor(request, this.#options);
    if (writer instanceof Promise) return writer.then((found) => this.#admitted(request, found));
    return this.#admitted(request, writer);
  }

  #admitted(request: IncomingMessage, writer: Writer): Admitted {
    const { bodies, queues, bodyBytesMax, addressOf } = this.#options;
    const { headers, socket } = request;
    this.#refuseLoop(request);
    const isFrames = mediaTypes.has(headers["content-type"]);
    const plain = isFrames ? undefined : plainKindOf(headers["content-type"]);
    if (!isFrames && plain === undefined) throw ingestMediaType();
    if (plain !== undefined && writer.kind !== "token") throw tokenNeeded();
    if (!acceptsText(headers.accept)) throw ingestNotAcceptable();
    if (codingOf(request) === undefined) throw codingUnsupported(headers["content-encoding"]!);
    const declaredBytes = Number(headers["content-length"] ?? 0);
    const address = addressOf(socket);
    const app = writer.kind === "token" ? writer.record.channel : undefined;
    const of = app === undefined ? { address } : { app, address };
    // The lines take about as much memory as the body: it is not read where they would be refused.
    const isFull = app !== undefined && !queues.fits(app, declaredBytes);
    const refusal = isFull ? overloaded() : bodies.refusal(of, declaredBytes);
    if (declaredBytes <= bodyBytesMax && refusal !== undefined) throw refusal;
    return { writer, plain, of };
  }

  #refuseLoop({ headers, socket }: IncomingMessage): void {
    const { loops, faults } = this.#options;
    const drainToken = headers["logplex-drain-token"];
    if (typeof drainToken !== "string" || !loops.isOurs(drainToken)) return;
    loops.refused(drainToken);
    faults.note(socket.remoteAddress, "drain_loop");
    throw drainLoop();
  }
}

/** RFC 9110 §12.5.1 for the only type that we answer with: the most specific range decides, and `q=0` excludes. */
export function acceptsText(accept: string | undefined): boolean {
  if (accept === undefined || accept === "*/*" || accept.trim() === "") return true;
  const quality = new Map<string, boolean>();
  for (const range of accept.toLowerCase().split(",")) {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim());
    quality.set(type, !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter)));
  }
  return quality.get("text/plain") ?? quality.get("text/*") ?? quality.get("*/*") ?? false;
}
