/** Times as written in records and requests. */
import ms from "ms";

/** RFC 3339 in UTC, whole seconds: heroku-go refuses fractions. */
export const timeOf = (timeMs: number): string => `${new Date(timeMs).toISOString().slice(0, 19)}Z`;

const rfc3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/;
const ago = /^\d{1,9}(ms|s|m|h|d)$/;

/** The time that a `since` means (RFC 3339, or `10m` ago), in ms; undefined if it is neither. */
export function parseSince(text: string, nowMs: number): number | undefined {
  if (ago.test(text)) return Math.max(0, nowMs - ms(text as ms.StringValue));
  const timeMs = rfc3339.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(timeMs) ? undefined : timeMs;
}

/** The length of a time span such as `15m` in ms; undefined for any other text. */
export const parseSpan = (text: string): number | undefined =>
  ago.test(text) ? ms(text as ms.StringValue) : undefined;
