/**
 * RELP, rsyslog's syslog with answers: `TXNR SP COMMAND SP DATALEN [SP DATA] LF` in both directions, numbered by the client
 * from 1; the answer to transaction TXNR is `TXNR rsp LEN DATA`. Pure over bytes.
 */

/** The result of a scan: a transaction whose data is [start, end), an unfinished one, or no RELP. */
type RelpScan =
  | {
      readonly kind: "frame";
      readonly transaction: number;
      readonly command: string;
      readonly start: number;
      readonly end: number;
      /** The place after the frame. */
      readonly next: number;
    }
  | { readonly kind: "more"; readonly bytesMissing: number }
  | { readonly kind: "bad"; readonly reason: "no_relp" | "frame_too_long" };

const space = 0x20;
const newline = 0x0a;
const zero = 0x30;
const transactionMax = 999_999_999;
const commandBytesMax = 32;
const syslog = "syslog";
const syslogBytes = Buffer.from(syslog);

const more = (bytesMissing = 1): RelpScan => ({ kind: "more", bytesMissing });
const bad: RelpScan = { kind: "bad", reason: "no_relp" };

/** Scans the frame at `offset`, whose data may have at most `dataBytesMax` bytes. */
export function scanRelp(bytes: Uint8Array, offset: number, dataBytesMax: number): RelpScan {
  let at = offset;
  let transaction = 0;
  for (; at < bytes.length && bytes[at] !== space; at++) {
    const digit = bytes[at]! - zero;
    if (digit < 0 || digit > 9) return bad;
    transaction = transaction * 10 + digit;
    if (transaction > transactionMax) return bad;
  }
  if (at === offset && at < bytes.length) return bad;
  const commandStart = ++at;
  for (; at < bytes.length && bytes[at] !== space; at++)
    if (!isLetter(bytes[at]!) || at - commandStart >= commandBytesMax) return bad;
  if (at >= bytes.length) return more();
  if (at === commandStart) return bad;
  const command = commandIn(bytes, commandStart, at);
  const lengthStart = ++at;
  let length = 0;
  for (; at < bytes.length && bytes[at] !== space && bytes[at] !== newline; at++) {
    const digit = bytes[at]! - zero;
    if (digit < 0 || digit > 9) return bad;
    length = length * 10 + digit;
    if (length > dataBytesMax) return { kind: "bad", reason: "frame_too_long" };
  }
  if (at >= bytes.length) return more();
  if (at === lengthStart) return bad;
  if (length === 0 && bytes[at] === newline)
    return { kind: "frame", transaction, command, start: at, end: at, next: at + 1 };
  if (bytes[at] === newline) return bad;
  const start = at + 1;
  const end = start + length;
  if (end >= bytes.length) return more(end + 1 - bytes.length);
  return bytes[end] === newline ? { kind: "frame", transaction, command, start, end, next: end + 1 } : bad;
}

/** A frame of the server: the answer to `transaction`, or with 0 a message of its own. */
export function relpFrame(transaction: number, command: "rsp" | "serverclose", data = ""): string {
  const length = Buffer.byteLength(data);
  return length === 0 ? `${transaction} ${command} 0\n` : `${transaction} ${command} ${length} ${data}\n`;
}

// Nearly all commands are `syslog`, for which no string is made.
function commandIn(bytes: Uint8Array, start: number, end: number): string {
  let at = start;
  while (at < end && bytes[at] === syslogBytes[at - start]) at++;
  if (at === end && end - start === syslogBytes.length) return syslog;
  return Buffer.from(bytes.subarray(start, end)).toString("latin1");
}

const isLetter = (byte: number): boolean => (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a;
