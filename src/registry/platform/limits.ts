/** Bounds of what is kept of an app's dynos; what happens at each is said where it is used. */
export const platformLimits = {
  /** The oldest ones go. */
  releasesMax: 100,
  ordersMax: 50,
  /** Requests that wait for a change: of one app, and of all. */
  appWaitersMax: 10,
  waitersMax: 2_000,
  /** A runner that was not heard of for so long is gone; it reports three times as often. */
  silentMsMax: 15_000,
  /** Between two looks at who was heard of. */
  silenceLookMs: 1_000,
} as const;

export type PlatformLimits = { readonly [Name in keyof typeof platformLimits]: number };
