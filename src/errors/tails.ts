/** Failures of tails and log sessions. */
import { AppError } from "./app-error.ts";

export const sessionTooLong = () =>
  new AppError({
    code: "SESSION_TOO_LONG",
    status: 422,
    message: "What this log session is to show does not fit into its URL.",
    mend: "Ask for fewer sources and dynos, or use shorter patterns.",
  });

export const appTailsFull = (max: number) =>
  new AppError({
    code: "TAILS_FULL",
    status: 503,
    message: `This app has ${max} log streams open, which is the limit.`,
    mend: "Close some of them, or open this one again after the time in Retry-After.",
    retryAfterS: 5,
  });

export const tailsFull = (max: number) =>
  new AppError({
    code: "TAILS_FULL",
    status: 503,
    message: `The server has ${max} log streams open, which is the limit.`,
    mend: "Open this one again after the time in Retry-After. When it lasts, the operator has to add a server (role tail).",
    retryAfterS: 5,
  });

export const tailsStopping = () =>
  new AppError({
    code: "STOPPING",
    status: 503,
    message: "The server is stopping and opens no more log streams.",
    mend: "Open it again after the time in Retry-After.",
    retryAfterS: 1,
  });

export const positionInvalid = () =>
  new AppError({
    code: "POSITION_INVALID",
    status: 400,
    message: "`after` is not a position in a log.",
    mend: "Use the id of an event of this stream, or `position` of a line in JSON, as it was sent.",
  });
