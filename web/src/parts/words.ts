/** Numbers and times for people to read. */
const numbers = new Intl.NumberFormat("en");

export const countOf = (count: number): string => numbers.format(Math.round(count));

export const linesOf = (count: number): string =>
  `${countOf(count)} ${Math.round(count) === 1 ? "line" : "lines"}`;

/** `1,284`, `0.3`: a number per second. */
export const rateOf = (perS: number): string =>
  perS >= 10 || perS === 0 ? countOf(perS) : perS < 0.05 ? "< 0.1" : perS.toFixed(1);

const units = [
  ["d", 86_400],
  ["h", 3_600],
  ["min", 60],
] as const;

/** `4 s`, `23 min`, `2 h 10 min`, `3 d`. */
export function durationOf(seconds: number): string {
  for (const [n, [unit, size]] of units.entries()) {
    if (seconds < size) continue;
    const whole = Math.floor(seconds / size);
    const next = units[n + 1];
    const rest = next && whole < 10 ? Math.floor((seconds % size) / next[1]) : 0;
    return rest > 0 ? `${whole} ${unit} ${rest} ${next![0]}` : `${whole} ${unit}`;
  }
  return `${seconds < 10 && seconds > 0 ? Math.max(0.1, Math.round(seconds * 10) / 10) : Math.round(seconds)} s`;
}

export function bytesOf(bytes: number): string {
  const size = [1, 1024, 1024 ** 2, 1024 ** 3].findLast((one) => bytes >= one) ?? 1;
  const name = { 1: "B", 1024: "kB", [1024 ** 2]: "MB", [1024 ** 3]: "GB" }[size];
  const value = bytes / size;
  return `${value >= 100 || size === 1 ? Math.round(value) : value.toFixed(1)} ${name}`;
}

export type Zone = "local" | "utc";
const two = (n: number): string => String(n).padStart(2, "0");

/** `13:58:02` and `.114`, separately, since there is not always room for both. */
export function clockOf(timeMs: number, zone: Zone): { readonly time: string; readonly ms: string } {
  if (!Number.isFinite(timeMs)) return { time: "no time", ms: "" };
  const at = new Date(timeMs);
  const isUtc = zone === "utc";
  const [h, m, s] = isUtc
    ? [at.getUTCHours(), at.getUTCMinutes(), at.getUTCSeconds()]
    : [at.getHours(), at.getMinutes(), at.getSeconds()];
  return {
    time: `${two(h)}:${two(m)}:${two(s)}`,
    ms: `.${String(at.getUTCMilliseconds()).padStart(3, "0")}`,
  };
}

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** `21 Nov`, or `21 Nov, 13:35`. */
export function dayOf(timeMs: number, zone: Zone, withClock = false): string {
  const at = new Date(timeMs);
  const [day, month] = zone === "utc" ? [at.getUTCDate(), at.getUTCMonth()] : [at.getDate(), at.getMonth()];
  const date = `${day} ${months[month]}`;
  return withClock ? `${date}, ${clockOf(timeMs, zone).time.slice(0, 5)}` : date;
}

/** When the day of a moment begins, and when the next does. */
export function calendarDayOf(timeMs: number, zone: Zone): readonly [fromMs: number, toMs: number] {
  const at = new Date(timeMs);
  if (zone === "utc") {
    const fromMs = Math.floor(timeMs / 86_400_000) * 86_400_000;
    return [fromMs, fromMs + 86_400_000];
  }
  const midnight = (more: number) => new Date(at.getFullYear(), at.getMonth(), at.getDate() + more).getTime();
  return [midnight(0), midnight(1)];
}

const weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/** `Sat, 28 Nov 2026`. */
export function longDayOf(timeMs: number, zone: Zone): string {
  const at = new Date(timeMs);
  const [weekday, year] =
    zone === "utc" ? [at.getUTCDay(), at.getUTCFullYear()] : [at.getDay(), at.getFullYear()];
  return `${weekdays[weekday]}, ${dayOf(timeMs, zone)} ${year}`;
}
