/**
 * Every expected failure: a stable code, the HTTP status, what happened and the mend. `docs/errors.md` lists them
 * all (a test compares). `id` is the Platform API's word for the kind of failure (`platform-api.md` §2).
 */
type AppErrorParts = {
  readonly code: string;
  readonly status: number;
  readonly id: string;
  readonly message: string;
  readonly mend: string;
  /** The Platform API's `resource` of a 404: `app`, `log_drain`, … */
  readonly resource?: string;
  /** Seconds for `Retry-After`. */
  readonly retryAfterS?: number;
  readonly cause?: unknown;
};

/** A failure that somebody outside can understand and mend. */
export class AppError extends Error {
  override readonly name = "AppError";
  readonly code: string;
  readonly status: number;
  readonly id: string;
  readonly mend: string;
  readonly resource: string | undefined;
  readonly retryAfterS: number | undefined;

  constructor(parts: AppErrorParts) {
    super(parts.message, parts.cause === undefined ? undefined : { cause: parts.cause });
    this.code = parts.code;
    this.status = parts.status;
    this.id = parts.id;
    this.mend = parts.mend;
    this.resource = parts.resource;
    this.retryAfterS = parts.retryAfterS;
  }
}

// The store

export const storeFull = (cause: unknown) =>
  new AppError({
    code: "STORE_FULL",
    status: 503,
    id: "service_unavailable",
    message: "The disk of the log is full: nothing was stored.",
    mend: "Make room on the disk of --data, or lower --retain-total. Send the lines again; nothing acknowledged is lost.",
    retryAfterS: 5,
    cause,
  });

export const storeUnavailable = (cause: unknown) =>
  new AppError({
    code: "STORE_UNAVAILABLE",
    status: 503,
    id: "service_unavailable",
    message: "The log could not store the lines: nothing was stored.",
    mend: "Send them again. When it lasts, the server's own log says why.",
    retryAfterS: 1,
    cause,
  });

export const overloaded = () =>
  new AppError({
    code: "OVERLOADED",
    status: 503,
    id: "service_unavailable",
    message: "The server has as many unwritten lines in memory as it may: nothing was stored.",
    mend: "Send the same request again after the time in Retry-After.",
    retryAfterS: 1,
  });

// The API: who may do what

export const unauthorized = () =>
  new AppError({
    code: "UNAUTHORIZED",
    status: 401,
    id: "unauthorized",
    message: "The API key is missing or unknown.",
    mend: "Send it as `Authorization: Bearer KEY`, or as the password of Basic credentials.",
  });

/** Also what a key is told of things it may not see: nothing in the answer depends on whether they exist. */
export const notFound = (resource?: "app" | "log_drain" | "telemetry_drain" | "token" | "key" | "add_on") =>
  new AppError({
    code: "NOT_FOUND",
    status: 404,
    id: "not_found",
    message: `There is no such ${resource === undefined ? "thing" : resource.replace("_", " ").replace("log ", "")} here, or this key may not see it.`,
    mend: "Check the address and the key.",
    ...(resource !== undefined && { resource }),
  });

export const keyReadOnly = () =>
  new AppError({
    code: "KEY_READ_ONLY",
    status: 403,
    id: "forbidden",
    message: "This key may read and nothing else.",
    mend: "Use a key that was made without --read-only.",
  });

// The API: what was asked

export const bodyNotJson = (reason: string) =>
  new AppError({
    code: "BODY_NOT_JSON",
    status: 400,
    id: "bad_request",
    message: `The body cannot be read as JSON: ${reason}.`,
    mend: "Send one JSON object with `Content-Type: application/json`.",
  });

export const mediaTypeNotJson = () =>
  new AppError({
    code: "MEDIA_TYPE_NOT_JSON",
    status: 415,
    id: "unsupported_media_type",
    message: "The body is not said to be JSON.",
    mend: "Send `Content-Type: application/json`.",
  });

export const requestRefused = (status: number, reason: string) =>
  new AppError({
    code: "REQUEST_REFUSED",
    status,
    id: "bad_request",
    message: `The request cannot be read: ${reason}.`,
    mend: "Compare it with the API's description at /docs.",
  });

export const paramsInvalid = (what: string) =>
  new AppError({
    code: "PARAMS_INVALID",
    status: 422,
    id: "invalid_params",
    message: `The request is not valid: ${what}.`,
    mend: "Compare it with the API's description at /docs.",
  });

export const sinceInvalid = (text: string) =>
  new AppError({
    code: "SINCE_INVALID",
    status: 422,
    id: "invalid_params",
    message: `"${text.slice(0, 50)}" is no time for \`since\`.`,
    mend: "Write a time as 2026-01-31T12:00:00Z, or how long ago as 30s, 10m, 2h or 7d.",
  });

export const patternInvalid = (field: "match" | "exclude", reason: string) =>
  new AppError({
    code: "PATTERN_INVALID",
    status: 422,
    id: "invalid_params",
    message: `\`${field}\` is no regular expression: ${reason}.`,
    mend: "Write an RE2 expression; it has no look-around and no back-references.",
  });

export const appNameInvalid = (name: string) =>
  new AppError({
    code: "APP_NAME_INVALID",
    status: 422,
    id: "invalid_params",
    message: `"${name.slice(0, 70)}" cannot be an app's name.`,
    mend: "Use 1 to 63 of a-z, 0-9 and -, starting with a letter; not a UUID.",
  });

export const appNameTaken = (name: string) =>
  new AppError({
    code: "APP_NAME_TAKEN",
    status: 422,
    id: "invalid_params",
    message: `Name ${name} is already taken.`,
    mend: "Choose another name, or none: then one is made.",
  });

export const sourceInvalid = (source: string) =>
  new AppError({
    code: "SOURCE_INVALID",
    status: 422,
    id: "invalid_params",
    message: `"${source.slice(0, 60)}" cannot be a token's source name.`,
    mend: "Use 1 to 48 of a-z, A-Z, 0-9, -, _ and ., starting with a letter or digit.",
  });

export const tokenLimit = (max: number) =>
  new AppError({
    code: "TOKEN_LIMIT",
    status: 422,
    id: "invalid_params",
    message: `The app has ${max} tokens, which is as many as it may have.`,
    mend: "Revoke one that is not used.",
  });

export const drainLimit = (max: number) =>
  new AppError({
    code: "DRAIN_LIMIT",
    status: 422,
    id: "invalid_params",
    message: `You have already added the maximum number of drains allowed (${max}).`,
    mend: "Remove one first.",
  });

export const drainRepeated = () =>
  new AppError({
    code: "DRAIN_REPEATED",
    status: 422,
    id: "invalid_params",
    message: "The app has a drain with this URL already.",
    mend: "Use that one, or another URL.",
  });

export const drainOption = (field: string, reason: string) =>
  new AppError({
    code: "DRAIN_OPTION",
    status: 422,
    id: "invalid_params",
    message: `The drain's \`${field}\` cannot be used: ${reason}.`,
    mend: "Mend the field, or leave it out.",
  });

export const drainUnverified = (reason: string) =>
  new AppError({
    code: "DRAIN_UNVERIFIED",
    status: 422,
    id: "invalid_params",
    message: `The drain was not added, its destination took no test line: ${reason}.`,
    mend: "Mend what is said there, or add the drain without `verify`: its lines wait until the destination takes them.",
  });

export const recordContended = () =>
  new AppError({
    code: "RECORD_CONTENDED",
    status: 503,
    id: "service_unavailable",
    message: "Too many changes of the same thing at the same time: this one was not made.",
    mend: "Send the request again.",
    retryAfterS: 1,
  });

export const internalError = () =>
  new AppError({
    code: "INTERNAL_ERROR",
    status: 500,
    id: "internal_server_error",
    message: "The server failed at this request.",
    mend: "The server's own log says why, under the Request-Id of this answer.",
  });

// Ingest. The texts of 400 and 403 are logplex's own, to the letter; the mend follows them.

export const stopping = () =>
  new AppError({
    code: "STOPPING",
    status: 503,
    id: "service_unavailable",
    message: "The server is stopping and takes no more lines: nothing was stored.",
    mend: "Send the same request again after the time in Retry-After.",
    retryAfterS: 1,
  });

export const malformedFrames = (detail: string) =>
  new AppError({
    code: "MALFORMED_FRAMES",
    status: 400,
    id: "bad_request",
    message: "Malformed log messages",
    mend: `${detail} Nothing of the request was stored. Frames are "LENGTH <PRI>1 TIME HOST APPNAME PROCID MSGID SD MSG" back to back, LENGTH being the bytes after its space.`,
  });

export const countMismatch = (said: string, found: number) =>
  new AppError({
    code: "MESSAGE_COUNT_MISMATCH",
    status: 400,
    id: "bad_request",
    message: "Message count mismatch",
    mend: `Logplex-Msg-Count is ${JSON.stringify(said.slice(0, 32))}, and the body holds ${found} whole frames. Nothing of the request was stored. Send the number of frames, or leave the header out.`,
  });

export const unreadableBody = () =>
  new AppError({
    code: "UNREADABLE_BODY",
    status: 400,
    id: "bad_request",
    message: "Bad request",
    mend: "The body ended early or is not the gzip that Content-Encoding says. Nothing of the request was stored. Send it again, whole.",
  });

export const bodyTimeout = () =>
  new AppError({
    code: "BODY_TIMEOUT",
    status: 408,
    id: "request_timeout",
    message: "The body did not arrive in time: nothing was stored.",
    mend: "Send it again, whole and without pauses.",
  });

export const bodyTooLarge = (bytesMax: number) =>
  new AppError({
    code: "BODY_TOO_LARGE",
    status: 413,
    id: "payload_too_large",
    message: `The body has more than ${bytesMax} bytes: nothing was stored.`,
    mend: "Send the lines in several requests. Compressed bodies count as inflated.",
  });

export const ingestUnauthorized = () =>
  new AppError({
    code: "INGEST_UNAUTHORIZED",
    status: 401,
    id: "unauthorized",
    message: "These credentials may not write logs.",
    mend: "Use the URL http://token:t.TOKEN@HOST/logs with a token of the app (tailrace tokens:create), or an API key that may do everything as the password.",
  });

export const ingestForbidden = () =>
  new AppError({
    code: "INGEST_FORBIDDEN",
    status: 403,
    id: "forbidden",
    message: "Credential not permitted to write to any channel.",
    mend: "This API key is limited to some apps or to reading. Use a token of the app, or a key that may do everything.",
  });

export const ingestMethod = () =>
  new AppError({
    code: "INGEST_METHOD",
    status: 405,
    id: "method_not_allowed",
    message: "Log messages are sent with POST.",
    mend: "POST the frames to /logs.",
  });

export const ingestNotAcceptable = () =>
  new AppError({
    code: "INGEST_NOT_ACCEPTABLE",
    status: 406,
    id: "not_acceptable",
    message: "Answers of this path are text/plain, which the Accept header excludes.",
    mend: "Leave Accept out, or allow text/plain in it.",
  });

export const ingestMediaType = () =>
  new AppError({
    code: "INGEST_MEDIA_TYPE",
    status: 415,
    id: "unsupported_media_type",
    message: "The body is not said to be log messages.",
    mend: "Send Content-Type: application/logplex-1 (or application/x-logplex-1), without parameters.",
  });

// Drains

export const drainUrlInvalid = (reason: string) =>
  new AppError({
    code: "DRAIN_URL_INVALID",
    status: 422,
    id: "invalid_params",
    message: `The drain's URL cannot be used: ${reason}.`,
    mend: "Give a URL such as https://user:word@logs.example.com/path or syslog+tls://logs.example.com:6514.",
  });

export const drainFormatInvalid = (format: string, formats: readonly string[]) =>
  new AppError({
    code: "DRAIN_FORMAT_INVALID",
    status: 422,
    id: "invalid_params",
    message: `The drain's format "${format.slice(0, 50)}" is none that this kind of URL can have.`,
    mend: `Leave the format out, or use one of: ${formats.join(", ")}.`,
  });

export const telemetryRefused = (reason: string, mend: string) =>
  new AppError({
    code: "TELEMETRY_REFUSED",
    status: 422,
    id: "invalid_params",
    message: `The telemetry drain cannot be made: ${reason}.`,
    mend,
  });

export const drainAddressRefused = (range: string) =>
  new AppError({
    code: "DRAIN_ADDRESS_REFUSED",
    status: 422,
    id: "invalid_params",
    message: `The drain's URL names a ${range} address, which drains may not be sent to.`,
    mend: "Give a public address, or have the operator allow its network with --drain-allow.",
  });

// Tails

export const sessionTooLong = () =>
  new AppError({
    code: "SESSION_TOO_LONG",
    status: 422,
    id: "invalid_params",
    message: "What this log session is to show does not fit into its URL.",
    mend: "Ask for fewer sources and dynos, or use shorter patterns.",
  });

export const tailsFull = () =>
  new AppError({
    code: "TAILS_FULL",
    status: 503,
    id: "service_unavailable",
    message: "As many log streams are open as there may be.",
    mend: "Close some, or open this one again after the time in Retry-After.",
    retryAfterS: 5,
  });

export const positionInvalid = () =>
  new AppError({
    code: "POSITION_INVALID",
    status: 400,
    id: "bad_request",
    message: "`after` is no position in a log.",
    mend: "Use the id of an event of this stream, or `position` of a line in JSON, as it was sent.",
  });

// Engines

export const storeInUse = (pid: number) =>
  new AppError({
    code: "STORE_IN_USE",
    status: 503,
    id: "service_unavailable",
    message: `Process ${pid} has the folder of --data open: two servers would both number the lines of a log.`,
    mend: "Stop that process, or give this server a folder of its own with --data.",
  });

// The NATS engine

export const natsUnreachable = (urls: readonly string[], cause: unknown) =>
  new AppError({
    code: "NATS_UNREACHABLE",
    status: 503,
    id: "service_unavailable",
    message: `No NATS server answers at ${urls.join(", ")}: ${reasonOf(cause)}.`,
    mend: "Start it (nats-server -js), or give its address with --nats nats://HOST:PORT; tls:// when it wants TLS.",
    cause,
  });

export const natsRefused = (urls: readonly string[], cause: unknown) =>
  new AppError({
    code: "NATS_REFUSED",
    status: 503,
    id: "service_unavailable",
    message: `The NATS server at ${urls.join(", ")} does not let this process in: ${reasonOf(cause)}.`,
    mend: "Give the credentials file of an account with JetStream with --nats-creds, or the user and password in the URL.",
    cause,
  });

export const natsNoJetStream = (cause: unknown) =>
  new AppError({
    code: "NATS_NO_JETSTREAM",
    status: 503,
    id: "service_unavailable",
    message: "The NATS server has no JetStream, or its servers do not find a majority of themselves.",
    mend: "Start every server with -js (or `jetstream {}` in its configuration), and at least two of three.",
    cause,
  });

export const natsStreamRefused = (stream: string, cause: unknown) =>
  new AppError({
    code: "NATS_STREAM_REFUSED",
    status: 503,
    id: "service_unavailable",
    message: `NATS cannot make the stream ${stream}: ${reasonOf(cause)}.`,
    mend: "Give JetStream room for --retain-total (max_file_store), as many servers as --nats-replicas, or lower these.",
    cause,
  });

export const natsStreamDiffers = (stream: string, differences: readonly string[]) =>
  new AppError({
    code: "NATS_STREAM_DIFFERS",
    status: 409,
    id: "conflict",
    message: `The stream ${stream} is not as this process would make it (${differences.join("; ")}).`,
    mend: "Start with the options that it was made with (--retain, --retain-total, --nats-replicas), or change it with `nats stream edit`; it is never changed in silence.",
  });

export const natsShardsDiffer = (wanted: number, found: number) =>
  new AppError({
    code: "NATS_SHARDS_DIFFER",
    status: 409,
    id: "conflict",
    message: `The log was made with ${found} shards, and ${wanted} are asked for.`,
    mend: `Ask for ${found}, or for none: the number is fixed when the log is made.`,
  });

const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));
