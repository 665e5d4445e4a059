/** Bounds of what is kept of an app's dynos; what happens at each is said where it is used. */
export const platformLimits = {
  /** The oldest ones go. */
  releasesMax: 100,
  ordersMax: 50,
  /** Requests that wait for a change: of one app, and of all. */
  appWaitersMax: 10,
  waitersMax: 2_000,
} as const;

export type PlatformLimits = { readonly [Name in keyof typeof platformLimits]: number };
