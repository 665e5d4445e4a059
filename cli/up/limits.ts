/** The bounds of `up`; what happens at each is said where it is used. */

const secondMs = 1000;
const minuteMs = 60 * secondMs;
const KiB = 1024;

export const dynoLimits = {
  /** A web dyno that has not bound its port by then is ended (R10). */
  bootMsMax: minuteMs,
  /** Between two looks whether a web dyno has bound its port: they grow. */
  bootLookMs: { first: 20, last: 500 },
  /** A dyno that has not ended after SIGTERM by then is killed (R12). */
  stopMsMax: 30 * secondMs,
  /** Before a dyno that has crashed is started again: doubled with each crash. */
  backOffMs: { first: secondMs, last: 5 * minuteMs },
  /** A dyno that has run this long has not crashed again: crashes are counted from one. */
  stableMs: minuteMs,
} as const;

/** Between two samples of memory. */
export const sampleMs = 20 * secondMs;
/** Between two reports of a runner that has nothing new: a third of the silence that the server takes for its end. */
export const heartbeatMs = 5 * secondMs;
/** Above its quota a dyno is told of it (R14), above this many times it is ended (R15). */
export const quotaTimesMax = 2;

export const routerLimits = {
  /** To the first byte of a dyno's answer (H12). */
  answerMsMax: 30 * secondMs,
  /** Without a byte in either direction, once an answer has begun (H15) or while a body comes (H28). */
  idleMsMax: 55 * secondMs,
  connectMsMax: 5 * secondMs,
  /** A request waits for a dyno that starts (H20). */
  bootWaitMsMax: 75 * secondMs,
  headersMsMax: 30 * secondMs,
  keepAliveMs: 90 * secondMs,
  /** Connections of clients. One more is closed. */
  connectionsMax: 5_000,
  /** Under way or waiting, of all dynos; one more is answered H11. */
  requestsMax: 2_000,
  headerBytesMax: 32 * KiB,
  /** Characters of a path and of other text in a router line; the rest is left out. */
  pathCharsMax: 4_096,
  wordCharsMax: 256,
} as const;

/** The terminal of `up`. */
export const screenLimits = {
  /** Lines that wait to be drawn: with more, the app's are left out, with their number. */
  linesMax: 1_000,
  /** Laying out takes so much of a turn of the event loop, but for the lines that are laid out at once. */
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

/** At the end of `up`: for requests under way, and for lines that the server has not taken, when no other time is given. */
export const routerGraceMs = 5 * secondMs;
export const logGraceSecondsDefault = 10;

/** A build or a `release:` line that prints nothing is told to be at work, in its terminal and its log. */
export const progressMs = { screen: secondMs, log: 15 * secondMs } as const;

/** The largest Procfile and `.env`. */
export const fileBytesMax = 256 * KiB;
