/** Failures of the log and the records. */
import { AppError } from "./app-error.ts";

export const storeFull = (cause: unknown) =>
  new AppError({
    code: "STORE_FULL",
    status: 503,
    message: "The disk of the log is full: nothing was stored.",
    mend: "Send it again; nothing acknowledged is lost. The operator has to make room on the disk of --data, or lower --retain-total.",
    retryAfterS: 5,
    cause,
  });

export const natsFull = (cause: unknown) =>
  new AppError({
    code: "STORE_FULL",
    status: 503,
    message: "JetStream has no room left for the log: nothing was stored.",
    mend: "Send it again; nothing acknowledged is lost. The operator has to give JetStream more room (max_file_store), or lower --retain-total.",
    retryAfterS: 5,
    cause,
  });

export const storeUnavailable = (cause: unknown) =>
  new AppError({
    code: "STORE_UNAVAILABLE",
    status: 503,
    message: "The server's store cannot be used now: nothing was stored.",
    mend: "Send the request again. When it lasts, the operator finds the reason in the server's own log.",
    retryAfterS: 1,
    cause,
  });

/** The same for requests that store nothing. */
export const storeUnread = (cause: unknown) =>
  new AppError({
    code: "STORE_UNAVAILABLE",
    status: 503,
    message: "The server's store cannot be read now.",
    mend: "Send the request again. When it lasts, the operator finds the reason in the server's own log.",
    retryAfterS: 1,
    cause,
  });

/** If a remote store did not answer, it is not known whether it did what was asked. */
export const storeUncertain = (cause: unknown) =>
  new AppError({
    code: "STORE_UNAVAILABLE",
    status: 503,
    message: "The server's store did not answer in time: what was to be stored may be stored or not.",
    mend: "Send the request again, lines under the same Logplex-Frame-Id: then they are stored once. When it lasts, the operator finds the reason in the server's own log.",
    retryAfterS: 1,
    cause,
  });

export const overloaded = () =>
  new AppError({
    code: "OVERLOADED",
    status: 503,
    message: "The server has reached its limit of unwritten lines in memory: nothing was stored.",
    mend: "Send the same request again after the time in Retry-After.",
    retryAfterS: 1,
  });
