/**
 * Every expected failure: a stable code, the HTTP status, what happened and the mend. `docs/errors.md` lists them
 * all (a test compares). `id` is the Platform API's word for the kind of failure (docs/spec/apis.md#p1-3).
 */
import { withoutKeys } from "./core/secret-forms.ts";

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
  /** Of `tailrace serve`: 2 says that a setting has to be changed; absent: 1. */
  readonly exitStatus?: 2;
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
  readonly exitStatus: 2 | undefined;

  constructor(parts: AppErrorParts) {
    super(withoutKeys(parts.message), parts.cause === undefined ? undefined : { cause: parts.cause });
    this.code = parts.code;
    this.status = parts.status;
    this.id = parts.id;
    this.mend = parts.mend;
    this.resource = parts.resource;
    this.retryAfterS = parts.retryAfterS;
    this.exitStatus = parts.exitStatus;
  }
}

// The store

export const storeFull = (cause: unknown) =>
  new AppError({
    code: "STORE_FULL",
    status: 503,
    id: "service_unavailable",
    message: "The disk of the log is full: nothing was stored.",
    mend: "Send it again; nothing acknowledged is lost. The operator has to make room on the disk of --data, or lower --retain-total.",
    retryAfterS: 5,
    cause,
  });

export const natsFull = (cause: unknown) =>
  new AppError({
    code: "STORE_FULL",
    status: 503,
    id: "service_unavailable",
    message: "JetStream has no room left for the log: nothing was stored.",
    mend: "Send it again; nothing acknowledged is lost. The operator has to give JetStream more room (max_file_store), or lower --retain-total.",
    retryAfterS: 5,
    cause,
  });

export const storeUnavailable = (cause: unknown) =>
  new AppError({
    code: "STORE_UNAVAILABLE",
    status: 503,
    id: "service_unavailable",
    message: "The server's store cannot be used now: nothing was stored.",
    mend: "Send the request again. When it lasts, the operator finds the reason in the server's own log.",
    retryAfterS: 1,
    cause,
  });

/** Whoever asked a store elsewhere and got no answer does not know what was done. */
export const storeUncertain = (cause: unknown) =>
  new AppError({
    code: "STORE_UNAVAILABLE",
    status: 503,
    id: "service_unavailable",
    message: "The server's store did not answer in time: what was to be stored may be stored or not.",
    mend: "Send the request again, lines under the same Logplex-Frame-Id: then they are stored once. When it lasts, the operator finds the reason in the server's own log.",
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

// The HTTP door

export const connectionsFull = (max: number) =>
  new AppError({
    code: "CONNECTIONS_FULL",
    status: 503,
    id: "service_unavailable",
    message: `The server has ${max} connections whose requests are under way, which is as many as it may.`,
    mend: "Connect again after the time in Retry-After.",
    retryAfterS: 1,
  });

export const addressConnectionsFull = (max: number) =>
  new AppError({
    code: "CONNECTIONS_FULL",
    status: 503,
    id: "service_unavailable",
    message: `Your address has ${max} connections whose requests are under way, which is as many as one may.`,
    mend: "Use fewer connections, and read the answers on those that there are.",
    retryAfterS: 1,
  });

export const hostMissing = () =>
  new AppError({
    code: "HOST_MISSING",
    status: 400,
    id: "bad_request",
    message: "The request has no Host header.",
    mend: "Send it, as HTTP/1.1 asks for.",
  });

export const unknownExpectation = () =>
  new AppError({
    code: "EXPECTATION_UNKNOWN",
    status: 417,
    id: "bad_request",
    message: "The server cannot do what the Expect header asks for.",
    mend: "Leave it out, or send Expect: 100-continue.",
  });

export const requestTimeout = () =>
  new AppError({
    code: "REQUEST_TIMEOUT",
    status: 408,
    id: "request_timeout",
    message: "The request did not arrive in time.",
    mend: "Send it again, whole and without pauses.",
  });

export const headersTooLarge = () =>
  new AppError({
    code: "HEADERS_TOO_LARGE",
    status: 431,
    id: "bad_request",
    message: "The request's headers have more than 16 KiB.",
    mend: "Send fewer or shorter headers, and a shorter path.",
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

/**
 * Also what a key is told of things it may not see: nothing in the answer depends on whether they exist. `name` is
 * what was asked for, of apps alone: tokens are secrets.
 */
export const notFound = (
  resource: "app" | "log_drain" | "telemetry_drain" | "token" | "key" | "add_on",
  name?: string,
) =>
  new AppError({
    code: "NOT_FOUND",
    status: 404,
    id: "not_found",
    message: `There is no ${name === undefined ? "such " : ""}${resource.replace("_", " ").replace("log ", "")}${name === undefined ? "" : ` "${name.slice(0, 70)}"`} here, or this key may not see it.`,
    mend: "Check the name and the key.",
    resource,
  });

export const pathNotFound = () =>
  new AppError({
    code: "NOT_FOUND",
    status: 404,
    id: "not_found",
    message: "There is nothing at this path.",
    mend: "/docs on this server lists the paths.",
  });

/** `path`: as it is declared, since what stands in its place may be a secret. */
export const roleElsewhere = (path: string, role: string, roles: readonly string[]) =>
  new AppError({
    code: "ROLE_ELSEWHERE",
    status: 421,
    id: "misdirected_request",
    message: `This node has the role${roles.length === 1 ? "" : "s"} ${roles.join(", ")}, and ${path} needs the role ${role}.`,
    mend: `Send the request to a node with the role ${role}, or to an address in front of all roles. The operator says where ${role === "ingest" ? "senders find it by --ingest-url" : "clients find it by --public-url"}; docs/operating.md has an example.`,
  });

/** A 404 like `notFound`: the key sees the same whatever there is. */
export const keyOfSomeApps = () =>
  new AppError({
    code: "NOT_FOUND",
    status: 404,
    id: "not_found",
    message: "This key is for its own apps: it cannot make apps or see keys.",
    mend: "Use a key that was made without --app.",
  });

export const keyReadOnly = () =>
  new AppError({
    code: "KEY_READ_ONLY",
    status: 403,
    id: "forbidden",
    message: "This key may read and nothing else.",
    mend: "Use a key that was made without --read-only.",
  });

/** For calls that show tokens: reading them is refused too. */
export const tokensForWriters = () =>
  new AppError({
    code: "KEY_READ_ONLY",
    status: 403,
    id: "forbidden",
    message: "This key may read logs and nothing else; tokens are rights to write.",
    mend: "Use a key that was made without --read-only.",
  });

// The API: what was asked

export const bodyNotJson = () =>
  new AppError({
    code: "BODY_NOT_JSON",
    status: 400,
    id: "bad_request",
    message: "The body is not valid JSON.",
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
    mend: "Mend that and send it again; /docs on this server describes the API.",
  });

export const paramsInvalid = (what: string) =>
  new AppError({
    code: "PARAMS_INVALID",
    status: 422,
    id: "invalid_params",
    message: `The request is not valid: ${what}.`,
    mend: "/docs on this server describes the API.",
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
    message: `\`${field}\` cannot be used: ${reason}.`,
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
    mend: "Use 1 to 48 of a-z, A-Z, 0-9, -, _ and ., starting with a letter or digit, and not with t. or d. as tokens do.",
  });

export const tokenLimit = (max: number) =>
  new AppError({
    code: "TOKEN_LIMIT",
    status: 422,
    id: "invalid_params",
    message: `The app has ${max} tokens, which is as many as it may have.`,
    mend: 'Revoke one that nothing uses any more: "tailrace tokens -a APP" lists them, tokens:revoke ends one.',
  });

export const keyLimit = (max: number) =>
  new AppError({
    code: "KEY_LIMIT",
    status: 422,
    id: "invalid_params",
    message: `There are ${max} API keys, which is as many as there may be.`,
    mend: 'Revoke those that nobody uses any more: "tailrace keys" lists them, keys:revoke ends one.',
  });

export const drainLimit = (max: number) =>
  new AppError({
    code: "DRAIN_LIMIT",
    status: 422,
    id: "invalid_params",
    message: `You have already added the maximum number of drains allowed (${max}).`,
    mend: '"tailrace drains -a APP" lists them, drains:remove removes one.',
  });

/** `id`: of the drain that has the URL. */
export const drainRepeated = (id: string) =>
  new AppError({
    code: "DRAIN_REPEATED",
    status: 422,
    id: "invalid_params",
    message: `The app has a drain with this URL already: ${id}.`,
    mend: `Change its options by PATCH /apps/APP/log-drains/${id}; or remove it and add it again, with \`since\` for the lines that wait.`,
  });

export const drainOption = (field: string, reason: string) =>
  new AppError({
    code: "DRAIN_OPTION",
    status: 422,
    id: "invalid_params",
    message: `The drain's \`${field}\` cannot be used: ${reason}.`,
    mend: "Mend the field, or leave it out.",
  });

const drainNotAdded = (why: string, mend: string) =>
  new AppError({
    code: "DRAIN_UNVERIFIED",
    status: 422,
    id: "invalid_params",
    message: `The drain was not added, its destination ${why}`,
    mend,
  });

/** The test line was not delivered, and would be tried again if it were a line. */
export const drainUnverified = (reason: string) =>
  drainNotAdded(
    `took no test line: ${sentence(reason)}`,
    "Mend what is said there, or add the drain without `verify`: its lines wait until the destination takes them.",
  );

/** The test line was refused for good. */
export const drainTestRefused = (reason: string) =>
  drainNotAdded(
    `refused the test line: ${sentence(reason)}`,
    "Mend what is said there. Without `verify` the drain is added, and lines that the destination refuses are not sent again.",
  );

export const recordContended = () =>
  new AppError({
    code: "RECORD_CONTENDED",
    status: 503,
    id: "service_unavailable",
    message: "Too many changes of the same thing at the same time: this one was not made.",
    mend: "Send the request again.",
    retryAfterS: 1,
  });

export const internalError = (requestId: string) =>
  new AppError({
    code: "INTERNAL_ERROR",
    status: 500,
    id: "internal_server_error",
    message: `The server failed at this request (Request-Id ${requestId}).`,
    mend: "Tell its operator: its own log says why, under that requestId.",
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

export const bodyTooSlow = (bytesMin: number, everyMs: number) =>
  new AppError({
    code: "BODY_TOO_SLOW",
    status: 408,
    id: "request_timeout",
    message: `The body came more slowly than ${bytesMin} bytes in ${everyMs / 1000} s: nothing was stored.`,
    mend: "Send it again when all of it is there, or fewer lines in one request.",
  });

const bodiesFull = (whose: string, bytesMax: number) =>
  new AppError({
    code: "BODIES_FULL",
    status: 503,
    id: "service_unavailable",
    message: `Requests ${whose} that are not whole yet hold ${bytesMax} bytes, which is as much as they may: nothing was stored.`,
    mend: "Send fewer at a time, each without pauses, and this one again after the time in Retry-After.",
    retryAfterS: 1,
  });

export const bodiesOfAppFull = (bytesMax: number) => bodiesFull("of this app", bytesMax);

export const bodiesOfAddressFull = (bytesMax: number) => bodiesFull("from your address", bytesMax);

export const tooManyFrames = (framesMax: number) =>
  new AppError({
    code: "TOO_MANY_FRAMES",
    status: 413,
    id: "payload_too_large",
    message: `The body has more than ${framesMax} frames: nothing was stored.`,
    mend: "Send the lines in several requests.",
  });

/** Content codings of bodies that are taken, as `Accept-Encoding` says it. */
export const codingsTaken = "gzip";

export const codingUnsupported = (coding: string) =>
  new AppError({
    code: "CODING_UNSUPPORTED",
    status: 415,
    id: "unsupported_media_type",
    message: `The body has the Content-Encoding ${JSON.stringify(coding.slice(0, 50))}, which is not taken here.`,
    mend: "Send it with Content-Encoding: gzip, or without Content-Encoding.",
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
    mend: "Use the URL http://token:t.TOKEN@HOST/logs with a token of the app (tailrace tokens:create), or Authorization: Bearer with the token or an API key that may do everything.",
  });

export const ingestForbidden = () =>
  new AppError({
    code: "INGEST_FORBIDDEN",
    status: 403,
    id: "forbidden",
    message: "Credential not permitted to write to any channel.",
    mend: "This API key is limited to some apps or to reading. Use a token of the app, or a key that may do everything.",
  });

export const drainLoop = () =>
  new AppError({
    code: "DRAIN_LOOP",
    status: 508,
    id: "loop_detected",
    message: "These lines were sent by a drain of this server: they would come back without end.",
    mend: "Remove the drain that leads back here: the log of its app names it. A drain goes to another server.",
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

export const drainStateUnreadable = (id: string, reason: string) =>
  new AppError({
    code: "DRAIN_STATE_UNREADABLE",
    status: 500,
    id: "internal_server_error",
    message: `The stored state of drain ${id} cannot be used: ${reason}.`,
    mend: "A newer tailrace may have written it: run that one. Else remove the drain and add it again, with `since` for the lines that wait.",
  });

export const recordUnreadable = (key: string, reason: string, cause?: unknown) =>
  new AppError({
    code: "RECORD_UNREADABLE",
    status: 500,
    id: "internal_server_error",
    message: `The stored record ${key} cannot be used: ${reason}.`,
    mend: "A newer tailrace may have written it: run that one on every node. It was left as it is.",
    cause,
  });

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
    message: `There is no drain format "${format.slice(0, 50)}".`,
    mend: `Leave the format out, or use one of: ${formats.join(", ")}.`,
  });

export const syslogFormatInvalid = (format: string) =>
  new AppError({
    code: "DRAIN_FORMAT_INVALID",
    status: 422,
    id: "invalid_params",
    message: `A syslog drain is always rfc5424, not "${format.slice(0, 50)}".`,
    mend: "Leave the format out, or use an https:// URL.",
  });

export const telemetryRefused = (reason: string, mend: string) =>
  new AppError({
    code: "TELEMETRY_REFUSED",
    status: 422,
    id: "invalid_params",
    message: `The telemetry drain cannot be made: ${reason}.`,
    mend,
  });

/** `range`: what kind of address it is, as in `private`; `bits`: how many an address of its family has. */
export const drainAddressRefused = (address: string, range: string, bits: number) =>
  new AppError({
    code: "DRAIN_ADDRESS_REFUSED",
    status: 422,
    id: "invalid_params",
    message: `The drain's URL leads to ${address} (${range}), where drains may not be sent.`,
    mend: `Give a public address, or have the operator start the server with --drain-allow ${address}/${bits}${range === "loopback" ? " or --dev" : ""}.`,
  });

export const drainToItself = () =>
  new AppError({
    code: "DRAIN_TO_ITSELF",
    status: 422,
    id: "invalid_params",
    message:
      "The drain's URL leads to this server itself: each line would come back as a new one, without end.",
    mend: "Give the URL of a receiver. `tailrace logs -a APP --tail` follows an app without a drain.",
  });

/** `whose`: of what so many tests are under way already. */
export const drainTestsBusy = (whose: "drain" | "app" | "server", max: number) =>
  new AppError({
    code: "DRAIN_TESTS_BUSY",
    status: 429,
    id: "rate_limit",
    message: `Of this ${whose} ${max === 1 ? "a test is" : `${max} tests of drains are`} under way, and more are not made at once.`,
    mend: "Send the request again after the time in Retry-After: a test takes some seconds at most.",
    retryAfterS: 5,
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

export const appTailsFull = (max: number) =>
  new AppError({
    code: "TAILS_FULL",
    status: 503,
    id: "service_unavailable",
    message: `This app has ${max} log streams open, as many as it may.`,
    mend: "Close some of them, or open this one again after the time in Retry-After.",
    retryAfterS: 5,
  });

export const tailsFull = (max: number) =>
  new AppError({
    code: "TAILS_FULL",
    status: 503,
    id: "service_unavailable",
    message: `The server has ${max} log streams open, as many as it may.`,
    mend: "Open this one again after the time in Retry-After. When it lasts, the operator has to add a server (role tail).",
    retryAfterS: 5,
  });

export const tailsStopping = () =>
  new AppError({
    code: "STOPPING",
    status: 503,
    id: "service_unavailable",
    message: "The server is stopping and opens no more log streams.",
    mend: "Open it again after the time in Retry-After.",
    retryAfterS: 1,
  });

export const positionInvalid = () =>
  new AppError({
    code: "POSITION_INVALID",
    status: 400,
    id: "bad_request",
    message: "`after` is no position in a log.",
    mend: "Use the id of an event of this stream, or `position` of a line in JSON, as it was sent.",
  });

// The start

export const listenInUse = (option: string, address: string, cause: unknown) =>
  new AppError({
    code: "LISTEN_IN_USE",
    status: 503,
    id: "service_unavailable",
    message: `${address}, the address of ${option}, is in use already.`,
    mend: `Stop what listens there, or give another with ${option} HOST:PORT (port 0 takes a free one${option === "--syslog" ? "; off: none" : ""}).`,
    exitStatus: 2,
    cause,
  });

export const listenAddress = (option: string, host: string, cause: unknown) =>
  new AppError({
    code: "LISTEN_ADDRESS",
    status: 503,
    id: "service_unavailable",
    message: `This machine has no address ${host}, which ${option} names.`,
    mend: `Give one that it has: ${option} 0.0.0.0:PORT for all of them, or 127.0.0.1:PORT.`,
    exitStatus: 2,
    cause,
  });

export const listenForbidden = (option: string, address: string, cause: unknown) =>
  new AppError({
    code: "LISTEN_FORBIDDEN",
    status: 503,
    id: "service_unavailable",
    message: `The system does not let this process listen on ${address}, the address of ${option}.`,
    mend: `Give a port above 1023 with ${option} HOST:PORT, or the process the right to lower ones.`,
    exitStatus: 2,
    cause,
  });

export const dataUnusable = (folder: string, reason: string, cause?: unknown) =>
  new AppError({
    code: "DATA_UNUSABLE",
    status: 503,
    id: "service_unavailable",
    message: `The folder of --data, ${folder}, cannot be used: ${reason}.`,
    mend: "Mend that, so that the user of this process can read and write there, or give another folder with --data.",
    exitStatus: 2,
    cause,
  });

/** `reason` names the file and its option. */
export const tlsUnusable = (reason: string, cause?: unknown) =>
  new AppError({
    code: "TLS_UNUSABLE",
    status: 503,
    id: "service_unavailable",
    message: `The server cannot speak TLS: ${reason}.`,
    mend: "Give a certificate chain with --tls-cert and its key without a pass phrase with --tls-key, both PEM.",
    exitStatus: 2,
    cause,
  });

// Engines

/** `host`: of the process, when its id is none of this process's system: another container's. */
export const storeInUse = (pid: number, folder: string, host?: string) =>
  new AppError({
    code: "STORE_IN_USE",
    status: 503,
    id: "service_unavailable",
    message: `Process ${pid} ${host === undefined ? "" : `of the container ${host} `}runs a server on ${folder}, the folder of --data: two would both number the lines of a log.`,
    mend: "Stop that process, or give this server a folder of its own with --data.",
  });

/** The lock of the folder was removed by somebody, and another server took it. */
export const storeLost = () =>
  new AppError({
    code: "STORE_LOST",
    status: 503,
    id: "service_unavailable",
    message: "Another server has the folder of --data: nothing was stored.",
    mend: "Send it again. The operator has to stop one of the two; nobody may remove the file `lock-…` of a server that runs.",
    retryAfterS: 5,
  });

export const dataGone = () =>
  new AppError({
    code: "DATA_GONE",
    status: 503,
    id: "service_unavailable",
    message: "The data were removed, replaced or cut under the running server: what is sent now is not kept.",
    mend: "Send it again, under the same Logplex-Frame-Id. The operator has to put the folder of --data back as it was, or restart the server; docs/operating.md says how to save what it still holds.",
    retryAfterS: 5,
  });

/** `what`: a sentence without its stop. */
export const dataDamaged = (what: string, mend?: string, cause?: unknown) =>
  new AppError({
    code: "DATA_DAMAGED",
    status: 503,
    id: "service_unavailable",
    message: `${what}.`,
    mend:
      mend ??
      "Put the folder of --data back from a copy. Without one, move it away and start with an empty one: what it held is gone then, and readers are told that the log is another one.",
    cause,
  });

export const dataNewer = (folder: string, format: number, formatNow: number) =>
  new AppError({
    code: "DATA_NEWER",
    status: 503,
    id: "service_unavailable",
    message: `The folder of --data, ${folder}, is of format ${format}, and this version of tailrace reads up to ${formatNow}.`,
    mend: "Start the version that wrote it, or a newer one; or give another folder with --data.",
    exitStatus: 2,
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
    message: "The NATS server has no JetStream, or its servers have no quorum.",
    mend: "Start every server with -js (or `jetstream {}` in its configuration). When they have it, start the missing servers: two of three have to run.",
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
    mend: "Start with the options that it was made with (--retain, --retain-total, --nats-replicas), or change it with `nats stream edit`; tailrace does not change it by itself.",
  });

export const natsShardsDiffer = (wanted: number, found: number) =>
  new AppError({
    code: "NATS_SHARDS_DIFFER",
    status: 409,
    id: "conflict",
    message: `The log was made with ${found} shards, and ${wanted} are asked for.`,
    mend: `Start with --nats-shards ${found}, or without it: the number is fixed when the log is made.`,
  });

/** Ends with a stop, unless it ends already. */
const sentence = (text: string): string => (/[.?!]$/.test(text) ? text : `${text}.`);

const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));
