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
