/** Stored lines as text for JSON formats: invalid UTF-8 becomes U+FFFD, since JSON cannot hold bytes. */
import { cursorOver } from "../../../core/batch/line-index.ts";
import { textEnd } from "../../../core/format/text-end.ts";
import type { Steps } from "../../../core/scheduling/steps.ts";
import type { Slice } from "../../../ports.ts";

export type TextLine = {
  /** As it was written. */
  readonly time: string;
  readonly source: string;
  readonly dyno: string;
  /** 0 (emergency) to 7 (debug). */
  readonly severity: number;
  readonly facility: number;
  /** Absent when nil. */
  readonly msgid: string | undefined;
  readonly structuredData: string | undefined;
  /** Without the newline that most senders append. */
  readonly message: string;
};

/** Syslog's own names (RFC 5424 §6.2.1). */
export const severityWords = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"] as const;

/** Visits one line after another. */
export function* forEachLine(slices: readonly Slice[], visit: (line: TextLine) => void): Steps<void> {
  for (const slice of slices) {
    const cursor = cursorOver(slice);
    const bytes = Buffer.from(slice.bytes.buffer, slice.bytes.byteOffset, slice.bytes.length);
    const field = (start: number, end: number) => bytes.toString("utf8", start, end);
    const unlessNil = (start: number, end: number) => {
      const text = field(start, end);
      return text === "-" || text === "" ? undefined : text;
    };
    while (cursor.next()) {
      visit({
        time: field(cursor.timeStart, cursor.timeEnd),
        source: field(cursor.sourceStart, cursor.sourceEnd),
        dyno: field(cursor.processStart, cursor.processEnd),
        severity: cursor.pri & 7,
        facility: cursor.pri >> 3,
        msgid: unlessNil(cursor.msgidStart, cursor.msgidEnd),
        structuredData: unlessNil(cursor.sdStart, cursor.sdEnd),
        message: field(cursor.messageStart, textEnd(bytes, cursor)),
      });
      yield;
    }
  }
}

/** Nanoseconds since 1970 of an RFC 3339 time, to its last digit; undefined if no clock can show such a time. */
export function unixNanos(time: string): bigint | undefined {
  const match = timeForm.exec(time);
  if (match === null) return undefined;
  const wholeMs = Date.parse(match[1]! + match[3]!);
  if (Number.isNaN(wholeMs) || wholeMs < 0) return undefined;
  return BigInt(wholeMs) * 1_000_000n + BigInt((match[2] ?? "").slice(0, 9).padEnd(9, "0"));
}

const timeForm = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/;
