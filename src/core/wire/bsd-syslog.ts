/**
 * The head of BSD syslog, RFC 3164 §4.1, after its `<PRI>`: `Feb  3 04:05:06 HOST TAG[PID]: text`; better senders write
 * an RFC 3339 time there. `syslog-parse` separates host, tag and clock. But it accepts only the exact spelling of
 * months, takes process names for numbers, trims the text and ends it at a newline, and sets the month on today's date,
 * which gives another month on the 31st. So it gets the head alone, and its result is used only where the bytes agree.
 */
import syslogParse from "syslog-parse";
import { isShortTokenAt, isTokenAt } from "../secrets/token-mask.ts";
import type { SyslogHeader } from "./syslog.ts";
import { mendedTimestamp, syslogTime } from "./timestamp.ts";

/** The longest head (time, host and tag) that is looked at. */
const headBytesMax = 512;

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const clockForm = /^([A-Za-z]{3}) ([ 0-3]?\d) (\d\d):(\d\d):(\d\d)(?= )/;
const timestampForm = /^\d{4}-\d\d-\d\d[Tt][^ ]{9,30}(?= )/;
const tagForm = /^([^\s:[\]]+)(?:\[([^\s\]]*)\])?: ?/;
/** How far ahead of this clock a sender's may be: more is a line of the year before. */
const clockErrorMaxMs = 7 * 86_400_000;
/** Stands in for a time that `syslog-parse` does not know. */
const anyClock = "Jan  1 00:00:00";

/** The parts of a head as ranges from its start, and the time that it names; undefined when it names none. */
type Head = {
  readonly time: string | undefined;
  readonly host: readonly [start: number, end: number];
  readonly tag: readonly [start: number, end: number];
  readonly process: readonly [start: number, end: number];
  readonly textStart: number;
};

/**
 * Fills `header` when a BSD head stands at `at`; false when there is none, and then nothing of it has changed. The tag
 * stays in the text, where it tells which program wrote it, unless it is the token that routes the frame.
 */
export function scanBsdHead(
  bytes: Uint8Array,
  at: number,
  end: number,
  header: SyslogHeader,
  nowMs: number,
): boolean {
  if (!isWordByte(bytes[at]) || !isWordByte(bytes[at + 1])) return false;
  const looked = Buffer.from(bytes.subarray(at, Math.min(end, at + headBytesMax))).toString("latin1");
  const head = readHead(looked.split(/[\r\n]/, 1)[0]!, nowMs);
  if (head === undefined) return false;
  header.kind = "bsd";
  header.time = header.mended;
  header.timeStart = 0;
  header.timeEnd = head.time === undefined ? 0 : header.mended.write(head.time, "latin1");
  [header.hostStart, header.hostEnd] = [at + head.host[0], at + head.host[1]];
  [header.appStart, header.appEnd] = [at + head.tag[0], at + head.tag[1]];
  const { appStart, appEnd } = header;
  const isRoute = isTokenAt(bytes, appStart, appEnd) || isShortTokenAt(bytes, appStart, appEnd);
  header.textStart = at + head.textStart;
  header.messageStart = isRoute ? header.textStart : appStart;
  [header.processStart, header.processEnd] = [at + head.process[0], at + head.process[1]];
  header.processIsOdd = !/^[!-\\^-~]*$/.test(looked.slice(...head.process));
  header.msgidStart = header.msgidEnd = header.sdStart = header.sdEnd = header.messageStart;
  return true;
}

function readHead(text: string, nowMs: number): Head | undefined {
  const clock = clockForm.exec(text);
  const timestamp = clock === null ? timestampForm.exec(text)?.[0] : undefined;
  if (clock === null && timestamp === undefined) return undefined;
  const namesAt = (clock?.[0] ?? timestamp!).length;
  const month = clock === null ? -1 : months.indexOf(capitalized(clock[1]!));
  if (clock !== null && month === -1) return undefined;
  const known = clock === null ? anyClock : `${months[month]}${clock[0].slice(3)}`;
  const parsed = syslogParse(`${known}${text.slice(namesAt)} .`);
  if (parsed === undefined) return undefined;
  const names = placesOf(text, namesAt, parsed.host, parsed.process);
  if (names === undefined) return undefined;
  if (clock === null) return { ...names, time: mendedTimestamp(timestamp!) };
  const isClock =
    Number(clock[3]) === parsed.time.getHours() && Number(clock[5]) === parsed.time.getSeconds();
  return { ...names, time: isClock ? timeOf(parsed.time, month, Number(clock[2]), nowMs) : undefined };
}

// The ranges of host and tag; undefined when the head does not have them where it should.
function placesOf(text: string, from: number, host: string, tag: string): Omit<Head, "time"> | undefined {
  const hostStart = passBlanks(text, from);
  if (!text.startsWith(host, hostStart)) return undefined;
  const hostEnd = hostStart + host.length;
  const tagStart = passBlanks(text, hostEnd);
  const [whole, name, pid] = tagForm.exec(text.slice(tagStart)) ?? [];
  if (whole === undefined || name !== tag) return undefined;
  const tagEnd = tagStart + tag.length;
  const process = pid === undefined ? [tagEnd, tagEnd] : [tagEnd + 1, tagEnd + 1 + pid.length];
  return {
    host: [hostStart, hostEnd],
    tag: [tagStart, tagEnd],
    process: [process[0]!, process[1]!],
    textStart: tagStart + whole.length,
  };
}

/**
 * RFC 3164 names no year and no zone. The zone is that of this process, as everywhere in syslog; the year is the last
 * one that puts the time before now, or not further behind it than a clock may be wrong: what is logged has happened.
 * Undefined for a day that its month does not have, and for an hour that was skipped when clocks went forward.
 */
function timeOf(parsed: Date, month: number, day: number, nowMs: number): string | undefined {
  const [hours, minutes, seconds] = [parsed.getHours(), parsed.getMinutes(), parsed.getSeconds()];
  const thisYear = new Date(nowMs).getFullYear();
  const times = [-4, -3, -2, -1, 0, 1]
    .map((years) => thisYear + years)
    .map((year) => new Date(year, month, day, hours, minutes, seconds))
    .filter((date) => date.getMonth() === month && date.getHours() === hours)
    .map((date) => date.getTime())
    .filter((time) => time <= nowMs + clockErrorMaxMs);
  const latest = times.at(-1);
  return latest === undefined ? undefined : syslogTime(latest);
}

function passBlanks(text: string, from: number): number {
  let at = from;
  while (text[at] === " ") at++;
  return at;
}

const capitalized = (word: string): string => word[0]!.toUpperCase() + word.slice(1).toLowerCase();

// A head begins with a letter (the name of a month) or a digit (a year).
const isWordByte = (byte: number | undefined): boolean =>
  byte !== undefined && ((byte >= 0x30 && byte <= 0x39) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a));
