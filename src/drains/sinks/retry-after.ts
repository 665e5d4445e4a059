/** How long a receiver asks to be left alone: `Retry-After` of RFC 9110 §10.2.3, in seconds or as a date. */

/** The wait, without an upper bound; undefined if the header is absent or neither form. */
export function retryAfterMs(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const atMs = httpDateMs(text, nowMs);
  return atMs === undefined ? undefined : Math.max(0, atMs - nowMs);
}

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const day = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)";
const fullDay = "(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)";
const month = `(?<month>${months.join("|")})`;
const time = String.raw`(?<hour>[01]\d|2[0-3]):(?<minute>[0-5]\d):(?<second>[0-5]\d|60)`;
/** IMF-fixdate, and the two older forms that RFC 9110 §5.6.7 requires recipients to accept: RFC 850's and asctime's. */
const dateForms = [
  String.raw`${day}, (?<date>\d\d) ${month} (?<year>\d{4}) ${time} GMT`,
  String.raw`${fullDay}, (?<date>\d\d)-${month}-(?<year>\d\d) ${time} GMT`,
  String.raw`${day} ${month} (?<date>\d\d| \d) ${time} (?<year>\d{4})`,
].map((form) => new RegExp(`^${form}$`));

function httpDateMs(text: string, nowMs: number): number | undefined {
  const found = dateForms.map((form) => form.exec(text)?.groups).find((groups) => groups !== undefined);
  if (found === undefined) return undefined;
  const [date, hour, minute, second] = [found.date, found.hour, found.minute, found.second].map(Number);
  const at = new Date(0);
  at.setUTCFullYear(yearOf(found.year!, nowMs), months.indexOf(found.month!), date);
  if (at.getUTCDate() !== date) return undefined; // there is no such day
  return at.setUTCHours(hour!, minute, second);
}

// A two-digit year is in this century, unless that is more than 50 years ahead.
function yearOf(digits: string, nowMs: number): number {
  if (digits.length === 4) return Number(digits);
  const thisYear = new Date(nowMs).getUTCFullYear();
  const year = thisYear - (thisYear % 100) + Number(digits);
  return year > thisYear + 50 ? year - 100 : year;
}
