/** Failures of the API about the request itself. */
import { AppError } from "./app-error.ts";
import { sentence } from "./nats.ts";

export const bodyNotJson = () =>
  new AppError({
    code: "BODY_NOT_JSON",
    status: 400,
    message: "The body is not valid JSON.",
    mend: "Send one JSON object with `Content-Type: application/json`.",
  });

export const mediaTypeNotJson = () =>
  new AppError({
    code: "MEDIA_TYPE_NOT_JSON",
    status: 415,
    message: "The Content-Type is not JSON.",
    mend: "Send `Content-Type: application/json`.",
  });

export const requestRefused = (status: number, reason: string) =>
  new AppError({
    code: "REQUEST_REFUSED",
    status,
    id: "bad_request",
    message: `The request cannot be read: ${reason}.`,
    mend: "Correct that and send it again; /docs on this server describes the API.",
  });

export const paramsInvalid = (what: string) =>
  new AppError({
    code: "PARAMS_INVALID",
    status: 422,
    message: `The request is not valid: ${what}.`,
    mend: "/docs on this server describes the API.",
  });

export const sinceInvalid = (text: string) =>
  new AppError({
    code: "SINCE_INVALID",
    status: 422,
    message: `"${text.slice(0, 50)}" is not a time for \`since\`.`,
    mend: "Write a time as 2026-01-31T12:00:00Z, or how long ago as 30s, 10m, 2h or 7d.",
  });

export const patternInvalid = (field: "match" | "exclude", reason: string) =>
  new AppError({
    code: "PATTERN_INVALID",
    status: 422,
    message: `\`${field}\` cannot be used: ${reason}.`,
    mend: "Write an RE2 expression; it has no look-around and no back-references.",
  });

export const appNameInvalid = (name: string) =>
  new AppError({
    code: "APP_NAME_INVALID",
    status: 422,
    message: `"${name.slice(0, 70)}" cannot be an app's name.`,
    mend: "Use 1 to 63 of a-z, 0-9 and -, starting with a letter; not a UUID.",
  });

export const appNameTaken = (name: string) =>
  new AppError({
    code: "APP_NAME_TAKEN",
    status: 422,
    message: `Name ${name} is already taken.`,
    mend: "Choose another name, or leave it out to get a generated one.",
  });

export const sourceInvalid = (source: string) =>
  new AppError({
    code: "SOURCE_INVALID",
    status: 422,
    message: `"${source.slice(0, 60)}" cannot be a token's source name.`,
    mend: "Use 1 to 48 of a-z, A-Z, 0-9, -, _ and ., starting with a letter or digit, and not with t. or d. as tokens do.",
  });

export const tokenLimit = (max: number) =>
  new AppError({
    code: "TOKEN_LIMIT",
    status: 422,
    message: `The app has ${max} tokens, which is the limit.`,
    mend: 'Revoke one that nothing uses any more: "tailrace tokens -a APP" lists them, tokens:revoke ends one.',
  });

export const keysTooLong = (keys: number, bytesMax: number) =>
  new AppError({
    code: "KEYS_TOO_LONG",
    status: 422,
    message: `The list of the ${keys} API keys would be longer than ${bytesMax / 1024 / 1024} MiB, with the apps of each.`,
    mend: "Revoke keys by the ids that you were told when they were made (keys:revoke), or give those of many apps none (keys for all apps).",
  });

export const keyLimit = (max: number) =>
  new AppError({
    code: "KEY_LIMIT",
    status: 422,
    message: `There are ${max} API keys, which is the limit.`,
    mend: 'Revoke those that nobody uses any more: "tailrace keys" lists them, keys:revoke ends one.',
  });

export const drainLimit = (max: number) =>
  new AppError({
    code: "DRAIN_LIMIT",
    status: 422,
    message: `You have already added the maximum number of drains allowed (${max}).`,
    mend: '"tailrace drains -a APP" lists them, drains:remove removes one.',
  });

/** `id`: that of the drain that has the URL. */
export const drainRepeated = (id: string) =>
  new AppError({
    code: "DRAIN_REPEATED",
    status: 422,
    message: `The app has a drain with this URL already: ${id}.`,
    mend: `Change its options by PATCH /apps/APP/log-drains/${id}; or remove it and add it again, with \`since\` for the lines that wait.`,
  });

export const drainOption = (field: string, reason: string) =>
  new AppError({
    code: "DRAIN_OPTION",
    status: 422,
    message: `The drain's \`${field}\` cannot be used: ${reason}.`,
    mend: "Correct the field, or leave it out (null removes the drain's).",
  });

const drainNotAdded = (why: string, mend: string) =>
  new AppError({
    code: "DRAIN_UNVERIFIED",
    status: 422,
    message: `The drain was not added, its destination ${why}`,
    mend,
  });

/** The test line was not delivered; an ordinary line would be retried. */
export const drainUnverified = (reason: string) =>
  drainNotAdded(
    `took no test line: ${sentence(reason)}`,
    "Fix that, or add the drain without `verify`: its lines wait until the destination takes them.",
  );

/** The test line was refused for good. */
export const drainTestRefused = (reason: string) =>
  drainNotAdded(
    `refused the test line: ${sentence(reason)}`,
    "Fix that. Without `verify` the drain is added, and lines that the destination refuses are not sent again.",
  );

export const recordContended = () =>
  new AppError({
    code: "RECORD_CONTENDED",
    status: 503,
    message: "Too many changes of the same thing at the same time: this one was not made.",
    mend: "Send the request again.",
    retryAfterS: 1,
  });

/** No answer was started within the time that a request may wait. */
export const apiBusy = () =>
  new AppError({
    code: "API_BUSY",
    status: 503,
    message:
      "Too many answers are being made for this address, or for all of them: this one was not started.",
    mend: "Ask again, and for fewer things at the same time.",
    retryAfterS: 5,
  });

export const internalError = (requestId: string) =>
  new AppError({
    code: "INTERNAL_ERROR",
    status: 500,
    message: `The server failed on this request (Request-Id ${requestId}).`,
    mend: "Tell its operator: its own log says why, under that requestId.",
  });
