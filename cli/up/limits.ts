/** The bounds of `up`. The code that uses each says what happens at it. */

const secondMs = 1000;
const minuteMs = 60 * secondMs;
const KiB = 1024;

export const dynoLimits = {
  /** A web dyno that has not bound its port by then is ended (R10). */
  bootMsMax: minuteMs,
  /** How often to check whether a web dyno has bound its port: the intervals grow. */
  bootLookMs: { first: 20, last: 500 },
  /** A dyno that has not ended by then after SIGTERM is killed (R12). */
  stopMsMax: 30 * secondMs,
  /** The wait before a crashed dyno is started again; each crash doubles it. */
  backOffMs: { first: secondMs, last: 5 * minuteMs },
  /** After running this long, a dyno's next crash counts as the first. */
  stableMs: minuteMs,
} as const;

/** The time between two samples of memory. */
export const sampleMs = 20 * secondMs;
/**
 * The time between two reports of a runner that has nothing new: a third of the silence after which the server
 * considers it gone.
 */
export const heartbeatMs = 5 * secondMs;
/** A dyno above its quota is told so (R14); above this multiple of it, it is ended (R15). */
export const quotaTimesMax = 2;

export const routerLimits = {
  /** For the first byte of a dyno's answer (H12). */
  answerMsMax: 30 * secondMs,
  /** Without a byte in either direction, once an answer has begun (H15) or while a body is coming in (H28). */
  idleMsMax: 55 * secondMs,
  connectMsMax: 5 * secondMs,
  /** Interim answers (1xx) of a dyno to one request (H17). */
  interimMax: 10,
  /** How long a request waits for a dyno that is starting (H20). */
  bootWaitMsMax: 75 * secondMs,
  headersMsMax: 30 * secondMs,
  keepAliveMs: 90 * secondMs,
  /** Connections of clients. Any beyond that are closed. */
  connectionsMax: 5_000,
  /** Requests under way or waiting, for all dynos; any beyond that are answered H11. */
  requestsMax: 2_000,
  headerBytesMax: 32 * KiB,
  /** Characters of a path, and of other texts, in a router line; the rest is left out. */
  pathCharsMax: 4_096,
  wordCharsMax: 256,
} as const;

/** How the output of dynos becomes lines. */
export const outputLimits = {
  /** How much of a turn of the event loop it may take, and a piece more. */
  turnMsMax: 2,
  /** Made into lines at one go. */
  pieceBytes: 2 * KiB,
} as const;

/** The terminal of `up`. */
export const screenLimits = {
  /** Lines that wait to be drawn. Beyond that, the app's are left out and counted. */
  linesMax: 1_000,
  /** How much of a turn of the event loop layout may take, apart from lines that are laid out at once. */
  sliceMs: 5,
  linesAtOnce: 20,
  /** How long lines of a stack trace wait for more before they are shown. */
  quietMs: 150,
} as const;

export type DynoLimits = {
  readonly [Name in keyof typeof dynoLimits]: WithNumbers<(typeof dynoLimits)[Name]>;
};
export type RouterLimits = { readonly [Name in keyof typeof routerLimits]: number };
type WithNumbers<Value> = Value extends number ? number : { readonly [Name in keyof Value]: number };

/**
 * At the end of `up`: for requests under way, and for lines that the server has not accepted, if no other time is
 * given.
 */
export const routerGraceMs = 5 * secondMs;
export const logGraceSecondsDefault = 10;

/**
 * How often a build or a `release:` line that prints nothing is reported as running, on the terminal and in the log.
 */
export const progressMs = { screen: secondMs, log: 15 * secondMs } as const;

/** The largest Procfile and `.env`. */
export const fileBytesMax = 256 * KiB;
