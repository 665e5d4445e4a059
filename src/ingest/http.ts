/**
 * `POST /logs`, docs/spec/wire-in.md#w3-1 and on. A 204 says that every line is durable; every other
 * answer says that nothing of the request is stored, but for a 503 to a request of several batches (many lines, or a
 * key that writes to several apps): what of it was stored is known again by its dedup id.
 */
import type { IncomingHttpHeaders } from "node:http";
import type { Socket } from "node:net";
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import type { CanonicalLines } from "../core/batch.ts";
import { type BadFraming, canoniseInSteps, stepFrames } from "../core/canonical.ts";
import { scanFrame } from "../core/frame.ts";
import type { ChannelId } from "../core/ids.ts";
import { AppError } from "../errors/app-error.ts";
import {
  codingsTaken,
  codingUnsupported,
  countMismatch,
  drainLoop,
  ingestMediaType,
  ingestMethod,
  ingestNotAcceptable,
  malformedFrames,
  tokenNeeded,
  tooManyFrames,
} from "../errors/ingest.ts";
import { malformedFrames as malformedCount, refusedRequests, unknownTokenFrames } from "../metrics.ts";
import type { Clock } from "../ports.ts";
import { everySo, inTurns, turns } from "../turns.ts";
import type { AppendQueues } from "./append-queues.ts";
import { type BodyLimits, codingOf, readBody } from "./body.ts";
import type { BodyBudget, BodyOf, Reservation } from "./body-budget.ts";
import { isMarked } from "./marks.ts";
import { framesOfPlain, jsonBytesMax, plainKindOf, processIn } from "./plain-bodies.ts";
import { dedupIdOf, type NamedRequest, RequestIds } from "./request-ids.ts";
import { FrameRouter, type Loops, type TokenLookup } from "./router.ts";
import type { SenderFaults } from "./sender-faults.ts";
import { type KeyLookup, type Writer, writerOf } from "./writer.ts";

export type IngestHttpOptions = BodyLimits & {
  readonly queues: Pick<AppendQueues, "append">;
  readonly bodies: BodyBudget;
  /** The owner of a connection, for the share of its address. */
  readonly addressOf: (socket: Socket) => string;
  readonly tokens: TokenLookup;
  readonly keys: KeyLookup;
  readonly loops: Loops;
  readonly faults: Pick<SenderFaults, "note">;
  readonly clock: Pick<Clock, "nowMs">;
  readonly frameBytesMax: number;
  /** Frames of one body. */
  readonly framesMax: number;
  /** Tokens whose records are kept at hand for keys that write to every app. */
  readonly tokensMax: number;
  readonly requestIdsMax: number;
};

/** A body that was read: good frames, and the lines for each channel, a batch for each. */
type Sorted = {
  readonly frames: number;
  readonly channels: readonly (readonly [ChannelId, CanonicalLines])[];
};

const mediaTypes = new Set<unknown>(["application/logplex-1", "application/x-logplex-1"]);
const writerKey = "ingestWriter";

/** The routes. The order of checks is docs/spec/wire-in.md#w3-1: method, credentials, media type, Accept, body. */
export const ingestHttp: FastifyPluginAsync<IngestHttpOptions> = async (server, options) => {
  const { queues, bodies, addressOf, tokens, keys, loops, faults, clock, frameBytesMax, framesMax } = options;
  const router = new FrameRouter(options);
  const requestIds = new RequestIds(options);

  server.decorateRequest(writerKey, null);
  server.removeAllContentTypeParsers();
  server.addContentTypeParser("*", (_request, _payload, done) => done(null)); // the handler reads it, in its bounds
  server.setErrorHandler(answerError);

  const admit = async (request: FastifyRequest) => {
    request.setDecorator(writerKey, await writerOf(request.headers.authorization, tokens, keys));
    refuseLoop(request);
    const plain = plainKindOf(request.headers["content-type"]);
    if (plain === undefined && !mediaTypes.has(request.headers["content-type"])) throw ingestMediaType();
    if (plain !== undefined && request.getDecorator<Writer>(writerKey).kind !== "token") throw tokenNeeded();
    if (!acceptsText(request.headers.accept)) throw ingestNotAcceptable();
    if (codingOf(request.raw) === undefined) {
      throw codingUnsupported(request.headers["content-encoding"]!);
    }
    const declaredBytes = Number(request.headers["content-length"] ?? 0);
    const refusal = bodies.refusal(bodyOf(request), declaredBytes);
    if (declaredBytes <= options.bodyBytesMax && refusal !== undefined) throw refusal;
  };

  const refuseLoop = ({ headers, raw }: FastifyRequest) => {
    const drainToken = headers["logplex-drain-token"];
    if (typeof drainToken !== "string" || !loops.isOurs(drainToken)) return;
    loops.refused(drainToken);
    faults.note(raw.socket.remoteAddress, "drain_loop");
    throw drainLoop();
  };

  const bodyOf = (request: FastifyRequest): BodyOf => {
    const writer = request.getDecorator<Writer>(writerKey);
    const address = addressOf(request.raw.socket);
    return writer.kind === "token" ? { app: writer.record.channel, address } : { address };
  };

  const take = async (request: FastifyRequest, reply: FastifyReply) => {
    const writer = request.getDecorator<Writer>(writerKey);
    const reservation = bodies.reserve(bodyOf(request));
    try {
      const body = await framesIn(request, reservation);
      const sorted = await (writer.kind === "token" && !isMarked(writer.record)
        ? ofToken(writer, body, request)
        : sortedOf(writer, body, request));
      checkCount(request.headers, sorted.frames);
      reservation.release(); // the queues hold the lines from here on
      await allStored(sorted.channels.map(([channel, lines]) => queues.append(channel, lines, "http")));
    } finally {
      reservation.release();
    }
    return reply.code(204).send();
  };

  // The body, where it is plain as frames.
  const framesIn = async (request: FastifyRequest, reservation: Reservation): Promise<Buffer> => {
    const plain = plainKindOf(request.headers["content-type"]);
    if (plain === undefined) return readBody(request.raw, reservation, options);
    const process = processIn(request.query);
    const bodyBytesMax = plain === "json" ? jsonBytesMax : options.bodyBytesMax;
    const body = await readBody(request.raw, reservation, { ...options, bodyBytesMax });
    return inTurns(everySo(framesOfPlain(body, plain, process, framesMax)), addressOf(request.raw.socket));
  };

  const ofToken = async (
    writer: Writer & { kind: "token" },
    body: Buffer,
    { headers, raw }: FastifyRequest,
  ): Promise<Sorted> => {
    const { channel, source, token } = writer.record;
    const named = requestIds.name(headers, token, body);
    const steps = canoniseInSteps(body, source, {
      frameBytesMax,
      framesMax,
      nowMs: clock.nowMs(),
      token,
      ...(named !== undefined && { dedupId: dedupIdOf(named, channel) }),
    });
    const canonised = await inTurns(steps, channel);
    if (canonised.kind === "bad") throw badFraming(canonised, body.length, headers, options);
    const { lines } = canonised;
    noteReuse(named, raw.socket);
    return { frames: lines.count, channels: lines.count === 0 ? [] : [[channel, lines]] };
  };

  // Frames with the token that each of them names, where it is missing or unknown dropped and counted; or all with one
  // token whose marks keep something of each frame.
  const sortedOf = async (
    writer: Writer,
    body: Buffer,
    { headers, raw }: FastifyRequest,
  ): Promise<Sorted> => {
    const one = writer.kind === "token" ? writer.record : undefined;
    const named = requestIds.name(
      headers,
      writer.kind === "token" ? writer.record.token : writer.keyId,
      body,
    );
    const sorting = router.sort(clock.nowMs());
    const address = addressOf(raw.socket);
    let frames = 0;
    for (let offset = 0; offset < body.length; frames++) {
      const scan = scanFrame(body, offset, frameBytesMax);
      if (scan.kind !== "frame") {
        const reason = scan.kind === "more" ? "truncated" : scan.reason;
        throw badFraming({ kind: "bad", reason, frame: frames, offset }, body.length, headers, options);
      }
      if (frames === framesMax) throw tooManyFrames(framesMax);
      const asking = sorting.add(body, scan.start, scan.end, one);
      if (asking !== undefined) await asking;
      if (frames % stepFrames === 0 && turns.isOver) await turns.next(address);
      offset = scan.end;
    }
    malformedCount.inc({ via: "http" }, sorting.faults.count("no_token"));
    unknownTokenFrames.inc({ via: "http" }, sorting.faults.count("unknown_token"));
    sorting.faults.tellTo(faults, raw.socket.remoteAddress);
    noteReuse(named, raw.socket);
    const channels = [...sorting.take()].map(([channel, lines]) => {
      // Tokens that came or went since the first try: then these are other lines.
      const dedupId = named && dedupIdOf(named, `${channel} ${lines.count}`);
      return [channel, dedupId === undefined ? lines : { ...lines, dedupId }] as const;
    });
    return { frames, channels };
  };

  const noteReuse = (named: NamedRequest | undefined, socket: Socket) => {
    if (named !== undefined && requestIds.isReused(named))
      faults.note(socket.remoteAddress, "request_id_reused");
  };

  for (const url of ["/logs", "/logs/"]) {
    server.post(url, { onRequest: admit }, take);
    server.route({
      method: ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"],
      url,
      onRequest: async () => {
        throw ingestMethod();
      },
      handler: () => {},
    });
  }
};

// An error that logplex has a text for is that text to the byte, and a header holds the mend; else both are the body.
function answerError(error: unknown, _request: FastifyRequest, reply: FastifyReply): unknown {
  if (!(error instanceof AppError)) throw error;
  refusedRequests.inc({ code: error.code });
  if (error.status === 405) reply.header("allow", "POST");
  if (error.status === 408) reply.header("connection", "close");
  if (error.status === 415) reply.header("accept-encoding", codingsTaken);
  if ([400, 401, 403].includes(error.status)) reply.header("www-authenticate", "Basic realm=Logplex");
  if ([400, 403].includes(error.status)) {
    reply.raw.statusMessage = error.message;
    reply.header("tailrace-error", error.mend);
    return reply.code(error.status).type("text/plain; charset=utf-8").send(error.message);
  }
  if (error.retryAfterS !== undefined) reply.header("retry-after", error.retryAfterS);
  return reply.code(error.status).type("text/plain; charset=utf-8").send(`${error.message}\n${error.mend}\n`);
}

/** Waits for all of them, so that nothing is in flight when the answer goes out; then throws the first failure. */
async function allStored(appends: readonly Promise<unknown>[]): Promise<void> {
  if (appends.length === 1) {
    await appends[0];
    return;
  }
  for (const outcome of await Promise.allSettled(appends)) {
    if (outcome.status === "rejected") throw outcome.reason;
  }
}

function checkCount(headers: IncomingHttpHeaders, frames: number): void {
  const said = headers["logplex-msg-count"];
  if (said === undefined) return;
  if (typeof said !== "string" || !/^[0-9]+$/.test(said) || Number(said) !== frames) {
    throw countMismatch(String(said), frames);
  }
}

// A last frame that is cut off: logplex tells by the count header alone, and takes the rest without it; we lose
// nothing.
function badFraming(
  bad: BadFraming,
  bodyBytes: number,
  headers: IncomingHttpHeaders,
  { frameBytesMax, framesMax }: { readonly frameBytesMax: number; readonly framesMax: number },
): AppError {
  if (bad.reason === "too_many") return tooManyFrames(framesMax);
  malformedCount.inc({ via: "http" });
  const where = `Frame ${bad.frame + 1}, at byte ${bad.offset} of ${bodyBytes},`;
  switch (bad.reason) {
    case "truncated":
      checkCount(headers, bad.frame);
      return malformedFrames(`${where} is cut off by the end of the body: send it whole.`);
    case "frame_too_long":
      return malformedFrames(`${where} is longer than ${frameBytesMax} bytes: cut it into several.`);
    case "length_not_decimal":
      return malformedFrames(`${where} does not start with its length; newline-framed lines are not taken.`);
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
