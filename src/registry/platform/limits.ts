/** Bounds on what is kept of an app's dynos. The code that uses each says what happens at the bound. */
export const platformLimits = {
  /** Beyond this, the oldest are removed. */
  releasesMax: 100,
  ordersMax: 50,
  /** The whole record of an app, which each request about its dynos reads. */
  recordBytesMax: 160 * 1024,
  /** Requests that wait for a change: for one app, and for all apps. */
  appWaitersMax: 10,
  waitersMax: 2_000,
  /** A runner that has not reported for this long is gone; it reports three times as often. */
  silentMsMax: 15_000,
  /** How often to look for silent runners. */
  silenceLookMs: 1_000,
} as const;

export type PlatformLimits = { readonly [Name in keyof typeof platformLimits]: number };
