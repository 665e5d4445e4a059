/** Failures of the page and of those who are signed in to it. */
import { AppError } from "./app-error.ts";

export const hostForeign = () =>
  new AppError({
    code: "HOST_FOREIGN",
    status: 421,
    message: "The page is not served under this name.",
    mend: "Open it by an IP address, as localhost, or by the address that the operator gives in --public-url.",
  });

export const siteForeign = () =>
  new AppError({
    code: "SITE_FOREIGN",
    status: 403,
    message: "Another site sent this request by the browser of somebody who is signed in here.",
    mend: "Do it on the page itself, or send the API key as `Authorization: Bearer KEY`.",
  });

export const signInRefused = () =>
  new AppError({
    code: "SIGN_IN_REFUSED",
    status: 401,
    message: "This is not a key of this server, or it has expired or been revoked.",
    mend: "Paste the whole key. `tailrace keys:create` makes one; the operator's is in the file that the start names.",
  });

export const signInsTooMany = (retryAfterS: number) =>
  new AppError({
    code: "SIGN_INS_TOO_MANY",
    status: 429,
    message: "Too many wrong keys came from this address.",
    mend: `Try again in ${retryAfterS} s, with the right key.`,
    retryAfterS,
  });

export const webSessionsFull = (max: number) =>
  new AppError({
    code: "WEB_SESSIONS_FULL",
    status: 503,
    message: `${max} browsers are signed in, which is the limit.`,
    mend: "Sign out in one of them; each ends by itself after 12 hours.",
    retryAfterS: 60,
  });
