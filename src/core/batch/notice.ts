/**
 * L-coded lines for an app's owner, put into the app's own stream as `heroku[logplex]` (docs/spec/wire-out.md#d5-1).
 * There is no other way to tell an owner anything.
 */

import { syslogTime } from "../wire/timestamp.ts";
import type { CanonicalLines } from "./batch.ts";

/** local5.warning and local7.warning, as in logplex (docs/spec/wire-out.md#d5-5). */
const lossPri = 172;
const certificatePri = 188;
/** local0.info (docs/spec/wire-in.md#w6-1). */
const platformPri = 134;

/**
 * Retention passed a drain's cursor: exactly `lines` lines since `sinceMs` never reached it. The first sentence is
 * logplex's own (docs/spec/wire-out.md#d5-1): programs read it.
 */
export const l10 = (drainToken: string, lines: number, sinceMs: number, nowMs: number): CanonicalLines =>
  noticeLine(
    lossPri,
    nowMs,
    `Error L10 (output buffer overflow): drain '${drainToken}' dropped ${count(lines)} since ${syslogTime(sinceMs)}. Retention took them before they could be sent: "tailrace drains:info ${drainToken}" says what held the drain up.`,
  );

/** The text of the line in a tail whose reader was overtaken by retention; only that tail gets it. */
export const l11Text = (lines: number, sinceMs: number): string =>
  `Error L11 (Tail buffer overflow) -> This tail session dropped ${count(lines)} since ${syslogTime(sinceMs)}`;

/** The text for a reader that comes back with a position from another log. */
export const replacedText =
  "This app's log is not the one that was read before (another server, a restored backup, or an app made again). What follows begins with its oldest line.";

/** `replacedText` as a line in a plain-text tail; only that tail gets it. */
export const l11Replaced = `Error L11 (Tail buffer overflow) -> ${replacedText}`;

/** The text of the line in a stream that its patterns hold back; only that stream gets it. */
export const delayedText = (sinceMs: number): string =>
  `Error L17 (Tail delayed) -> This stream waits since ${syslogTime(sinceMs)}: the patterns of this app's streams need more time than an app has for them. Nothing is lost. Use simpler patterns, or fewer streams with patterns of their own.`;

/** The text of the line in a stream whose history was only partly searched; only that stream gets it. */
export const incompleteText = (lines: number, sinceMs: number | undefined): string =>
  `Error L18 (Search incomplete) -> ${count(lines)} were looked at${sinceMs === undefined ? "" : `, back to ${syslogTime(sinceMs)}`}; then the time for it was over. Older lines may match as well: ask for a shorter time, or use a simpler pattern.`;

/** A drain's destination refused lines for good: they will not be sent again. `isMixed`: not all for this reason. */
export const l13 = (
  drainToken: string,
  lines: number,
  sinceMs: number,
  { reason, isMixed }: { readonly reason: string; readonly isMixed: boolean },
  nowMs: number,
): CanonicalLines =>
  noticeLine(
    lossPri,
    nowMs,
    `Error L13 (messages refused): drain '${drainToken}' had ${count(lines)} refused since ${syslogTime(sinceMs)}, they are not sent again${isMixed ? "; the reason for the last" : ""}: ${reason}`,
  );

/** The certificate of a drain's destination cannot be trusted; `uri` is in its redacted form. */
export const l14 = (drainToken: string, reason: string, uri: string, nowMs: number): CanonicalLines =>
  noticeLine(
    certificatePri,
    nowMs,
    `Error L14 (certificate validation): drain '${drainToken}' error="${reason.replaceAll('"', "'")}" uri="${uri}"`,
  );

/** The certificate of a drain's destination expires soon: lines are still delivered. */
export const l14Expiry = (drainToken: string, reason: string, uri: string, nowMs: number): CanonicalLines =>
  noticeLine(
    certificatePri,
    nowMs,
    `Error L14 (certificate expiry): drain '${drainToken}' error="${reason.replaceAll('"', "'")}; lines are still delivered" uri="${uri}"`,
  );

/** Lines of a drain came back to this server, which refused them `times` times since `sinceMs`. */
export const l16 = (drainToken: string, times: number, sinceMs: number, nowMs: number): CanonicalLines =>
  noticeLine(
    lossPri,
    nowMs,
    `Error L16 (drain loop): drain '${drainToken}' leads back to this server, which refused its lines ${times} ${times === 1 ? "time" : "times"} since ${syslogTime(sinceMs)}: taken, they would come back without end. "tailrace drains:remove ${drainToken}" ends it.`,
  );

/** A canonical line of source `heroku`, process `logplex`. Line breaks in `text` become spaces. */
export const noticeLine = (pri: number, nowMs: number, text: string): CanonicalLines =>
  ownLine(pri, nowMs, "heroku logplex", text);

/** A change that somebody made to the app through the API, from `app[api]` (docs/spec/wire-in.md#w6-5). */
export const apiLine = (nowMs: number, text: string): CanonicalLines =>
  ownLine(platformPri, nowMs, "app api", text);

/** A line of the platform about a process of an app: `heroku[web.1]`. */
export const stateLine = (nowMs: number, process: string, text: string): CanonicalLines =>
  ownLine(platformPri, nowMs, `heroku ${process}`, text);

function ownLine(pri: number, nowMs: number, writer: string, text: string): CanonicalLines {
  const oneLine = text.replace(/[\s\p{Cc}]+/gu, " ");
  const frame = `<${pri}>1 ${syslogTime(nowMs)} host ${writer} - ${oneLine}\n`;
  return { bytes: Buffer.from(`${Buffer.byteLength(frame)} ${frame}`), count: 1, form: "logplex" };
}

const count = (lines: number) => `${lines} messages`;
