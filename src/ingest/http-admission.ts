/** The head of a request to `POST /logs`: who may write, in which form, and whether there is room for the body. */
import type { Socket } from "node:net";
import type { FastifyInstance, FastifyRequest } from "fastify";
import {
  codingUnsupported,
  drainLoop,
  ingestMediaType,
  ingestNotAcceptable,
  tokenNeeded,
} from "../errors/ingest.ts";
import { codingOf } from "./body.ts";
import type { BodyBudget, BodyOf } from "./body-budget.ts";
import { plainKindOf } from "./plain-bodies.ts";
import type { Loops, TokenLookup } from "./router.ts";
import type { SenderFaults } from "./sender-faults.ts";
import { type KeyLookup, type Writer, writerOf } from "./writer.ts";

type AdmissionOptions = {
  readonly bodies: BodyBudget;
  readonly bodyBytesMax: number;
  readonly addressOf: (socket: Socket) => string;
  readonly tokens: TokenLookup;
  readonly keys: KeyLookup;
  readonly loops: Loops;
  readonly faults: Pick<SenderFaults, "note">;
};

const mediaTypes = new Set<unknown>(["application/logplex-1", "application/x-logplex-1"]);
const writerKey = "ingestWriter";

export class Admission {
  readonly #options: AdmissionOptions;

  constructor(server: FastifyInstance, options: AdmissionOptions) {
    this.#options = options;
    server.decorateRequest(writerKey, null);
  }

  /** Throws for a request that is refused before its body is read, in the order of docs/spec/wire-in.md#w3-1. */
  async admit(request: FastifyRequest): Promise<void> {
    const { tokens, keys, bodies, bodyBytesMax } = this.#options;
    request.setDecorator(writerKey, await writerOf(request.headers.authorization, tokens, keys));
    this.#refuseLoop(request);
    const plain = plainKindOf(request.headers["content-type"]);
    if (plain === undefined && !mediaTypes.has(request.headers["content-type"])) throw ingestMediaType();
    if (plain !== undefined && this.writerOf(request).kind !== "token") throw tokenNeeded();
    if (!acceptsText(request.headers.accept)) throw ingestNotAcceptable();
    if (codingOf(request.raw) === undefined) {
      throw codingUnsupported(request.headers["content-encoding"]!);
    }
    const declaredBytes = Number(request.headers["content-length"] ?? 0);
    const refusal = bodies.refusal(this.bodyOf(request), declaredBytes);
    if (declaredBytes <= bodyBytesMax && refusal !== undefined) throw refusal;
  }

  /** The sender of a request that was admitted. */
  writerOf(request: FastifyRequest): Writer {
    return request.getDecorator<Writer>(writerKey);
  }

  /** The owner of its body, for the shares of app and address. */
  bodyOf(request: FastifyRequest): BodyOf {
    const writer = this.writerOf(request);
    const address = this.#options.addressOf(request.raw.socket);
    return writer.kind === "token" ? { app: writer.record.channel, address } : { address };
  }

  #refuseLoop({ headers, raw }: FastifyRequest): void {
    const { loops, faults } = this.#options;
    const drainToken = headers["logplex-drain-token"];
    if (typeof drainToken !== "string" || !loops.isOurs(drainToken)) return;
    loops.refused(drainToken);
    faults.note(raw.socket.remoteAddress, "drain_loop");
    throw drainLoop();
  }
}

/** RFC 9110 §12.5.1 for the one type that we answer with: the most specific range decides, `q=0` excludes. */
export function acceptsText(accept: string | undefined): boolean {
  if (accept === undefined || accept.trim() === "") return true;
  const quality = new Map<string, boolean>();
  for (const range of accept.toLowerCase().split(",")) {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim());
    quality.set(type, !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter)));
  }
  return quality.get("text/plain") ?? quality.get("text/*") ?? quality.get("*/*") ?? false;
}
