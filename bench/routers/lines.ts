/** Lines as they are sent: RFC 5424 of 200 bytes, each with a mark and the time when it was due. */
import { linesABody } from "./job.ts";

const lineBytes = 200;

/** A mark that each line has once, before the time. */
export const mark = 0x7e;
/** Digits of the time: microseconds of the load's own clock. */
export const timeDigits = 12;

/** A frame of an app, whose time is written later. */
type Frame = { readonly bytes: Buffer; readonly timeAt: number };

export function frameOf(name: string): Frame {
  const head = `<190>1 ${new Date().toISOString().replace("Z", "000+00:00")} host ${name} web.1 - - ~`;
  const text = `${head}${"0".repeat(timeDigits)} `;
  const line = `${text}${"x".repeat(Math.max(0, lineBytes - text.length - 1))}\n`;
  const length = `${line.length} `;
  return { bytes: Buffer.from(length + line), timeAt: length.length + head.length };
}

/** Writes the time into the frame that begins at `at` of `bytes`. */
export function writeTime(bytes: Buffer, at: number, micros: number): void {
  let rest = micros;
  for (let digit = at + timeDigits - 1; digit >= at; digit--) {
    bytes[digit] = 0x30 + (rest % 10);
    rest = Math.floor(rest / 10);
  }
}

/** A request of `linesABody` lines of one app, head and all. */
export function requestOf(authorization: string): Buffer {
  const { bytes } = frameOf("app");
  const head = [
    "POST /logs HTTP/1.1",
    "Host: 127.0.0.1",
    `Authorization: ${authorization}`,
    "Content-Type: application/logplex-1",
    `Logplex-Msg-Count: ${linesABody}`,
    `Content-Length: ${bytes.length * linesABody}`,
  ];
  const body = Array.from({ length: linesABody }, () => bytes);
  return Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), ...body]);
}
