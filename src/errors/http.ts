/** Failures of the HTTP door. */
import { AppError } from "./app-error.ts";

export const connectionsFull = (max: number) =>
  new AppError({
    code: "CONNECTIONS_FULL",
    status: 503,
    message: `The server has ${max} connections whose requests are under way, which is the limit.`,
    mend: "Connect again after the time in Retry-After.",
    retryAfterS: 1,
  });

export const addressConnectionsFull = (max: number) =>
  new AppError({
    code: "CONNECTIONS_FULL",
    status: 503,
    message: `Your address has ${max} connections whose requests are under way, which is the limit for one address.`,
    mend: "Use fewer connections, and read the answers on those you have.",
    retryAfterS: 1,
  });

export const tooManyPipelined = (max: number) =>
  new AppError({
    code: "TOO_MANY_PIPELINED",
    status: 503,
    message: `More than ${max} requests came on this connection before the first one was answered: none of them was done.`,
    mend: `Send ${max} at most before you read an answer.`,
    retryAfterS: 1,
  });

export const hostMissing = () =>
  new AppError({
    code: "HOST_MISSING",
    status: 400,
    message: "The request has no Host header.",
    mend: "Send it, as HTTP/1.1 asks for.",
  });

export const unknownExpectation = () =>
  new AppError({
    code: "EXPECTATION_UNKNOWN",
    status: 417,
    message: "The server cannot do what the Expect header asks for.",
    mend: "Leave it out, or send Expect: 100-continue.",
  });

export const requestTimeout = () =>
  new AppError({
    code: "REQUEST_TIMEOUT",
    status: 408,
    message: "The request did not arrive in time.",
    mend: "Send it again, whole and without pauses.",
  });

export const headersTooLarge = () =>
  new AppError({
    code: "HEADERS_TOO_LARGE",
    status: 431,
    message: "The request's headers have more than 16 KiB.",
    mend: "Send fewer or shorter headers, and a shorter path.",
  });

export const bodyTooFine = (pieceBytesMin: number) =>
  new AppError({
    code: "BODY_TOO_FINE",
    status: 400,
    message: `The body came in chunks of fewer than ${pieceBytesMin} bytes: nothing was stored.`,
    mend: "Send it with Content-Length, or in larger chunks.",
  });
