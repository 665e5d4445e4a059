/**
 * The bounds of what a runner reports: within those of a body of the API, of 512 KiB and 10,000 values, of which a dyno is
 * ten.
 */
export const reportLimits = {
  dynosMax: 900,
  /** Its dynos as JSON. */
  dynosBytesMax: 448 * 1024,
} as const;
