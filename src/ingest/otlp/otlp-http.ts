/**
 * `POST /v1/logs`, OTLP/HTTP: from docs/spec/wire-in.md#w8-1 on. 200 says that every record that is not reported as
 * rejected is durable; a client repeats what was answered 503, and nothing else.
 */
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import { Canoniser } from "../../core/batch/canonical.ts";
import { type Steps, withPauses } from "../../core/scheduling/steps.ts";
import { TooManyMembers } from "../../core/wire/long-json.ts";
import { MalformedOtlp, visitJson } from "../../core/wire/otlp-json.ts";
import type { VisitRecord } from "../../core/wire/otlp-logs.ts";
import { visitProtobuf } from "../../core/wire/otlp-protobuf.ts";
import { MalformedProtobuf } from "../../core/wire/protobuf-fields.ts";
import { AppError } from "../../errors/app-error.ts";
import {
  bodyTooLarge,
  codingsTaken,
  codingUnsupported,
  drainLoop,
  otlpMalformed,
  otlpMediaType,
  tokenNeeded,
  tooManyFrames,
} from "../../errors/ingest.ts";
import { refusedRequests } from "../../metrics.ts";
import type { TokenRecord } from "../../registry/records.ts";
import { inTurns } from "../../turns.ts";
import { readBody } from "../bodies/body.ts";
import { codingOf } from "../bodies/body-coding.ts";
import { jsonBytesMax, mediaTypeOf } from "../bodies/plain-bodies.ts";
import type { IngestHttpOptions } from "../http/http.ts";
import { writerFor } from "../routing/writer.ts";
import { contentTypeOf, exportAnswer, type OtlpEncoding, statusAnswer } from "./otlp-answers.ts";
import { frameOf } from "./otlp-frames.ts";

const recordKey = "otlpToken";
/** The reason that an answer gives for rejected records. */
const tooLong = "a log record is longer than 256 KiB as a line, or has more than 10,000 values";

export const otlpHttp: FastifyPluginAsync<IngestHttpOptions> = async (server, options) => {
  const { queues, bodies, addressOf, loops, faults, clock, frameBytesMax, framesMax } = options;

  server.decorateRequest(recordKey, null);
  server.removeAllContentTypeParsers();
  server.addContentTypeParser("*", (_request, _payload, done) => done(null)); // the handler reads the body, within its bounds
  server.setErrorHandler(answerError);

  const admit = async (request: FastifyRequest) => {
    const writer = await writerFor(request.raw, options);
    if (writer.kind !== "token") throw tokenNeeded();
    request.setDecorator(recordKey, writer.record);
    const drainToken = request.headers["logplex-drain-token"];
    if (typeof drainToken === "string" && loops.isOurs(drainToken)) {
      loops.refused(drainToken);
      faults.note(request.raw.socket.remoteAddress, "drain_loop");
      throw drainLoop();
    }
    if (encodingOf(request) === undefined) throw otlpMediaType();
    if (codingOf(request.raw) === undefined) throw codingUnsupported(request.headers["content-encoding"]!);
  };

  const take = async (request: FastifyRequest, reply: FastifyReply) => {
    const record = request.getDecorator<TokenRecord>(recordKey);
    const encoding = encodingOf(request)!;
    const reservation = bodies.reserve({ app: record.channel, address: addressOf(request.raw.socket) });
    let rejected = 0;
    try {
      const bodyBytesMax = encoding === "json" ? jsonBytesMax : options.bodyBytesMax;
      const body = await readBody(request.raw, reservation, { ...options, bodyBytesMax });
      const canoniser = new Canoniser(record.source, undefined, record.token, true);
      const nowMs = clock.nowMs();
      const visit: VisitRecord = (found, origin) => {
        if (canoniser.count + rejected === framesMax) throw tooManyFrames(framesMax);
        const frame = found === undefined ? undefined : Buffer.from(frameOf(found, origin, nowMs));
        if (frame === undefined || frame.length > frameBytesMax) rejected++;
        else canoniser.add(frame, 0, frame.length, nowMs);
        if (canoniser.bytes > 2 * options.bodyBytesMax) throw bodyTooLarge(options.bodyBytesMax);
      };
      const steps = withPauses(visitBody(body, encoding, visit), () =>
        reservation.holdLines(canoniser.roomBytes, body.length),
      );
      await inTurns(steps, record.channel);
      reservation.release(); // from here on, the log's own bound covers the lines
      if (canoniser.count > 0) await queues.appendParts(record.channel, canoniser.takeParts(), "http");
    } finally {
      reservation.release();
    }
    return reply.type(contentTypeOf[encoding]).send(exportAnswer(encoding, rejected, tooLong));
  };

  server.post("/v1/logs", { onRequest: admit, schema: { hide: true } }, take);
};

function* visitBody(body: Buffer, encoding: OtlpEncoding, visit: VisitRecord): Steps<void> {
  try {
    if (encoding === "protobuf") yield* visitProtobuf(body, visit);
    else yield* visitJson(body, visit);
  } catch (error) {
    if (error instanceof MalformedProtobuf) throw otlpMalformed("It is no protobuf message.");
    if (error instanceof TooManyMembers) throw otlpMalformed(error.message);
    if (error instanceof SyntaxError) throw otlpMalformed("It is no JSON.");
    if (error instanceof MalformedOtlp) throw otlpMalformed(error.message);
    throw error;
  }
}

function encodingOf({ headers }: FastifyRequest): OtlpEncoding | undefined {
  switch (mediaTypeOf(headers["content-type"])) {
    case "application/x-protobuf":
      return "protobuf";
    case "application/json":
      return "json";
    default:
      return undefined;
  }
}

// By the specification, clients repeat only 429, 502, 503 and 504: a body that came too slowly is worth another try.
function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): unknown {
  if (!(error instanceof AppError)) throw error;
  refusedRequests.inc({ code: error.code });
  const encoding = encodingOf(request) ?? "protobuf";
  const status = error.status === 408 ? 503 : error.status;
  if (error.status === 408) reply.header("connection", "close");
  if (status === 401) reply.header("www-authenticate", "Bearer");
  if (status === 415) reply.header("accept-encoding", codingsTaken);
  if (status === 503) reply.header("retry-after", error.retryAfterS ?? 1);
  const message = `${error.message} ${error.mend}`;
  return reply
    .code(status)
    .type(contentTypeOf[encoding])
    .send(statusAnswer(encoding, status, message));
}
