/**
 * Names of a sender that a token's marks let through. With `keepSource` the sender's APPNAME or tag becomes the
 * source of the line (an app of Heroku that drains to us keeps `heroku[router]`); with `keepHostname` its host is put
 * before PROCID, so that ten boxes that send with one token can be told apart. Lines of tokens without marks do not
 * come here.
 */

import { isTokenAt } from "../../core/secrets/token-mask.ts";
import type { SyslogHeader } from "../../core/wire/syslog.ts";
import type { TokenRecord } from "../../registry/records.ts";
import { isSource } from "../../registry/tokens.ts";

type Marks = Pick<TokenRecord, "keepHostname" | "keepSource">;

/** True for a token with at least one mark. */
export const isMarked = ({ keepHostname, keepSource }: Marks): boolean =>
  keepHostname !== undefined || keepSource !== undefined;

const processBytesMax = 128;
const couldHoldToken = /[0-9A-Fa-f-]{16}/;

/** The sender's name, if a token could have it as its source; otherwise the token's own. */
export function sourceOf({ source }: TokenRecord, bytes: Uint8Array, header: SyslogHeader): string {
  if (header.kind === "text") return source;
  const name = textOf(bytes, header.appStart, header.appEnd);
  return isSource(name) && !couldHoldToken.test(name) ? name : source;
}

/** The scanned frame as RFC 5424, with everything in place that the marks keep. */
export function markedFrame(
  { keepHostname, keepSource }: Marks,
  bytes: Uint8Array,
  header: SyslogHeader,
): Buffer {
  const { sdStart, sdEnd, msgidStart, msgidEnd, end } = header;
  const process = textOf(bytes, header.processStart, header.processEnd).slice(0, processBytesMax);
  const host = keepHostname === true && header.kind !== "text" ? hostOf(bytes, header) : "";
  const names = [host, process].filter((name) => name !== "" && name !== "-").join(".") || "-";
  const time = textOf(header.time, header.timeStart, header.timeEnd) || "-";
  const keepsTag = keepSource === true && header.kind === "bsd";
  const messageStart = keepsTag ? header.textStart : header.messageStart;
  const head = `<${header.pri}>1 ${time} - - ${names} ${textOf(bytes, msgidStart, msgidEnd) || "-"} `;
  return Buffer.concat([
    Buffer.from(head, "latin1"),
    sdEnd > sdStart ? bytes.subarray(sdStart, sdEnd) : Buffer.from("-"),
    Buffer.from(" "),
    bytes.subarray(messageStart, end),
  ]);
}

function hostOf(bytes: Uint8Array, { hostStart, hostEnd }: SyslogHeader): string {
  const host = textOf(bytes, hostStart, Math.min(hostEnd, hostStart + processBytesMax));
  return isTokenAt(bytes, hostStart, hostEnd) || /^(-|host)$/.test(host) ? "" : host;
}

const textOf = (bytes: Uint8Array, start: number, end: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + start, Math.max(0, end - start)).toString("latin1");
