/** Failures of ingest. The texts of 400 and 403 are logplex's own, to the letter; the mend follows them. */
import zlib from "node:zlib";
import { AppError } from "./app-error.ts";

export const stopping = () =>
  new AppError({
    code: "STOPPING",
    status: 503,
    message: "The server is stopping and takes no more lines: nothing was stored.",
    mend: "Send the same request again after the time in Retry-After.",
    retryAfterS: 1,
  });

export const malformedFrames = (detail: string) =>
  new AppError({
    code: "MALFORMED_FRAMES",
    status: 400,
    message: "Malformed log messages",
    mend: `${detail} Nothing of the request was stored. Frames are "LENGTH <PRI>1 TIME HOST APPNAME PROCID MSGID SD MSG" back to back, LENGTH being the bytes after its space.`,
  });

export const countMismatch = (said: string, found: number) =>
  new AppError({
    code: "MESSAGE_COUNT_MISMATCH",
    status: 400,
    message: "Message count mismatch",
    mend: `Logplex-Msg-Count is ${JSON.stringify(said.slice(0, 32))}, and the body holds ${found} whole frames. Nothing of the request was stored. Send the number of frames, or leave the header out.`,
  });

export const unreadableBody = () =>
  new AppError({
    code: "UNREADABLE_BODY",
    status: 400,
    message: "Bad request",
    mend: "The body ended early or is not what Content-Encoding says. Nothing of the request was stored. Send it again, whole.",
  });

export const bodyTimeout = () =>
  new AppError({
    code: "BODY_TIMEOUT",
    status: 408,
    message: "The body did not arrive in time: nothing was stored.",
    mend: "Send it again, whole and without pauses.",
  });

export const bodyTooSlow = (bytesMin: number, seconds: number) =>
  new AppError({
    code: "BODY_TOO_SLOW",
    status: 408,
    message: `The body came more slowly than ${bytesMin} bytes in ${seconds} s: nothing was stored.`,
    mend: "Send it again when all of it is there, or fewer lines in one request.",
  });

const bodiesFull = (whose: string, bytesMax: number) =>
  new AppError({
    code: "BODIES_FULL",
    status: 503,
    message: `Requests ${whose} that are not whole yet hold ${bytesMax} bytes, which is the limit: nothing was stored.`,
    mend: "Send fewer at a time, each without pauses, and this one again after the time in Retry-After.",
    retryAfterS: 1,
  });

export const bodiesOfAppFull = (bytesMax: number) => bodiesFull("of this app", bytesMax);

export const bodiesOfAddressFull = (bytesMax: number) => bodiesFull("from your address", bytesMax);

export const tooManyFrames = (framesMax: number) =>
  new AppError({
    code: "TOO_MANY_FRAMES",
    status: 413,
    message: `The body has more than ${framesMax} frames: nothing was stored.`,
    mend: "Send the lines in several requests.",
  });

/** zlib has it from Node 22.15 and 23.8 on. */
export const hasZstd = "createZstdDecompress" in zlib;

/** The supported content codings of bodies, in the form of `Accept-Encoding`. */
export const codingsTaken = hasZstd ? "gzip, zstd" : "gzip";

export const codingUnsupported = (coding: string) =>
  new AppError({
    code: "CODING_UNSUPPORTED",
    status: 415,
    message: `The body has the Content-Encoding ${JSON.stringify(coding.slice(0, 50))}, which is not taken here.`,
    mend: "Send it with Content-Encoding gzip, with zstd where Accept-Encoding of this answer names it, or without.",
  });

export const bodyTooLarge = (bytesMax: number) =>
  new AppError({
    code: "BODY_TOO_LARGE",
    status: 413,
    message: `The body has more than ${bytesMax} bytes: nothing was stored.`,
    mend: "Send the lines in several requests. Compressed bodies count as inflated.",
  });

export const ingestUnauthorized = () =>
  new AppError({
    code: "INGEST_UNAUTHORIZED",
    status: 401,
    message: "These credentials may not write logs.",
    mend: "Use the URL http://token:t.TOKEN@HOST/logs with a token of the app (tailrace tokens:create), or Authorization: Bearer with the token or an API key that may do everything.",
  });

export const ingestForbidden = () =>
  new AppError({
    code: "INGEST_FORBIDDEN",
    status: 403,
    message: "Credential not permitted to write to any channel.",
    mend: "This API key is limited to some apps or to reading. Use a token of the app, or a key that may do everything.",
  });

export const drainLoop = () =>
  new AppError({
    code: "DRAIN_LOOP",
    status: 508,
    message: "These lines were sent by a drain of this server: they would come back without end.",
    mend: "Remove the drain that leads back here: the log of its app names it. A drain goes to another server.",
  });

export const sendersForOperator = () =>
  new AppError({
    code: "SENDERS_FOR_OPERATOR",
    status: 403,
    message: "Only the operator may see who sends here.",
    mend: "Use the operator's key, or one for all apps that is not read-only.",
  });

export const tokenNeeded = () =>
  new AppError({
    code: "TOKEN_NEEDED",
    status: 403,
    message: "Lines of this form name no app, so an API key cannot write them.",
    mend: "Send them with an ingest token of the app (tailrace tokens -a APP), as Bearer or as Basic token:TOKEN.",
  });

export const otlpMediaType = () =>
  new AppError({
    code: "OTLP_MEDIA_TYPE",
    status: 415,
    message: "The Content-Type is not one for OTLP.",
    mend: "Send Content-Type: application/x-protobuf or application/json.",
  });

export const otlpMalformed = (detail: string) =>
  new AppError({
    code: "OTLP_MALFORMED",
    status: 400,
    message: "The body is not an OTLP request for logs: nothing was stored.",
    mend: `${detail} Let the exporter send logs (ExportLogsServiceRequest) to /v1/logs.`,
  });

export const plainMalformed = (detail: string) =>
  new AppError({
    code: "PLAIN_MALFORMED",
    status: 400,
    message: "Malformed log messages",
    mend: `${detail} Nothing of the request was stored. application/json is an array or one object, application/x-ndjson a JSON value in each line, text/plain any lines.`,
  });

export const processInvalid = () =>
  new AppError({
    code: "PROCESS_INVALID",
    status: 400,
    message: "Bad request",
    mend: "?process= is a name such as web.1: up to 128 printable ASCII characters without blanks and ].",
  });

export const ingestMethod = () =>
  new AppError({
    code: "INGEST_METHOD",
    status: 405,
    message: "Log messages are sent with POST.",
    mend: "POST the frames to /logs.",
  });

export const ingestNotAcceptable = () =>
  new AppError({
    code: "INGEST_NOT_ACCEPTABLE",
    status: 406,
    message: "Answers of this path are text/plain, which the Accept header excludes.",
    mend: "Leave Accept out, or allow text/plain in it.",
  });

export const ingestMediaType = () =>
  new AppError({
    code: "INGEST_MEDIA_TYPE",
    status: 415,
    message: "The Content-Type is not one for log messages.",
    mend: "Send Content-Type: application/logplex-1 (or application/x-logplex-1) without parameters, text/plain, application/x-ndjson or application/json.",
  });
