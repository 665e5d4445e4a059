/** Days in the words that people use. */

/** A calendar day; `day` may lie outside the month, as 0 does for the last day of the month before. */
type Day = { readonly year: number; readonly month: number; readonly day: number };

const months = "january february march april may june july august september october november december".split(
  " ",
);
const weekdays = "sunday monday tuesday wednesday thursday friday saturday".split(" ");
/** From one 29 February to the next but one. */
const yearsMax = 9;

/** The days that a text may mean, newest first; none if it names no day. An empty text means any day. */
export function daysNamed(text: string, today: Day): readonly Day[] {
  const daysBack = (days: number): Day => ({ ...today, day: today.day - days });
  if (text === "") return [today, daysBack(1)];
  if (text === "today") return [today];
  if (text === "yesterday") return [daysBack(1)];
  const weekday = named(text, weekdays);
  if (weekday !== undefined) {
    const noon = new Date(Date.UTC(today.year, today.month - 1, today.day, 12));
    const back = (noon.getUTCDay() - weekday + 7) % 7;
    return [daysBack(back), daysBack(back + 7)];
  }
  return calendarDays(text, today).filter(isInCalendar);
}

function calendarDays(text: string, today: Day): readonly Day[] {
  const iso = /^(\d{4})[-/](\d{1,2})[-/](\d{1,2})$/.exec(text);
  if (iso !== null) return [{ year: Number(iso[1]), month: Number(iso[2]), day: Number(iso[3]) }];
  const match =
    /^(?<day>\d{1,2}) (?<month>[a-z]+)(?: (?<year>\d{4}))?$/.exec(text) ??
    /^(?<month>[a-z]+) (?<day>\d{1,2})(?: (?<year>\d{4}))?$/.exec(text);
  const { year, month: name = "", day: date } = match?.groups ?? {};
  const month = named(name, months);
  if (month === undefined) return [];
  const day = { month: month + 1, day: Number(date) };
  if (year !== undefined) return [{ ...day, year: Number(year) }];
  return Array.from({ length: yearsMax }, (_, back) => ({ ...day, year: today.year - back }));
}

/** `nov`, `sept` and `november` are names of months. */
function named(text: string, names: readonly string[]): number | undefined {
  const index = text.length < 3 ? -1 : names.findIndex((name) => name.startsWith(text));
  return index === -1 ? undefined : index;
}

function isInCalendar({ year, month, day }: Day): boolean {
  const date = new Date(Date.UTC(year, month - 1, day));
  return year >= 1970 && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}
