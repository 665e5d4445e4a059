/**
 * Every expected failure is an `AppError`: a stable code, the HTTP status, what happened and the mend. They are made
 * only in this folder, in one file per area; `docs/errors.md` lists them all (a test compares).
 */
import { withoutKeys } from "../core/secrets/secret-forms.ts";

type AppErrorParts = {
  readonly code: string;
  readonly status: number;
  /** The Platform API's word for the kind of failure, if it does not follow from the status. */
  readonly id?: string;
  readonly message: string;
  readonly mend: string;
  /** The Platform API's `resource` of a 404: `app`, `log_drain`, … */
  readonly resource?: string;
  /** Seconds for `Retry-After`. */
  readonly retryAfterS?: number;
  /** The exit status of `tailrace serve`: 2 says that a setting must be changed; absent: 1. */
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
    // Refusals are made by the thousand, and the stack is most of the cost of one: without a cause, the code says where
    // it was made.
    const { stackTraceLimit } = Error;
    if (parts.cause === undefined) Error.stackTraceLimit = 0;
    super(withoutKeys(parts.message), parts.cause === undefined ? undefined : { cause: parts.cause });
    Error.stackTraceLimit = stackTraceLimit;
    this.code = parts.code;
    this.status = parts.status;
    this.id = parts.id ?? idOf(parts.status);
    this.mend = parts.mend;
    this.resource = parts.resource;
    this.retryAfterS = parts.retryAfterS;
    this.exitStatus = parts.exitStatus;
  }
}

/** The Platform API's words (docs/spec/apis.md#p1-3). */
const ids: Readonly<Record<number, string>> = {
  400: "bad_request",
  401: "unauthorized",
  403: "forbidden",
  404: "not_found",
  405: "method_not_allowed",
  406: "not_acceptable",
  408: "request_timeout",
  409: "conflict",
  413: "payload_too_large",
  415: "unsupported_media_type",
  417: "bad_request",
  421: "misdirected_request",
  422: "invalid_params",
  429: "rate_limit",
  431: "bad_request",
  500: "internal_server_error",
  503: "service_unavailable",
  508: "loop_detected",
};

const idOf = (status: number): string =>
  ids[status] ?? (status < 500 ? "bad_request" : "service_unavailable");
