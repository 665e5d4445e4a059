/** A syslog receiver of octet-counted frames, as strict as the RFC. */
import type { Socket } from "node:net";
import { scanFrame } from "../../src/core/wire/frame.ts";

/** One frame: its header fields and its message. */
type SyslogFrame = {
  readonly pri: number;
  readonly time: string;
  readonly hostname: string;
  readonly app: string;
  readonly process: string;
  readonly msgid: string;
  readonly data: string;
  readonly message: string;
};

const form =
  /^<(\d{1,3})>1 (-|[\dT:.+Z-]+) ([!-~]{1,255}) ([!-~]{1,48}) ([!-~]{1,128}) ([!-~]{1,32}) (-|(?:\[.*?(?<!\\)\])+)(?: ([\s\S]*))?$/;

/** Reads frames from bytes as they come; throws for what is none. */
export class SyslogReader {
  readonly frames: SyslogFrame[] = [];
  #held: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): void {
    let bytes = Buffer.concat([this.#held, chunk]);
    for (let scan = scanFrame(bytes, 0, 1 << 20); ; scan = scanFrame(bytes, 0, 1 << 20)) {
      if (scan.kind === "bad") throw new Error(`no octet-counted frame: ${scan.reason}`);
      if (scan.kind === "more") break;
      this.frames.push(readFrame(bytes.toString("utf8", scan.start, scan.end)));
      bytes = bytes.subarray(scan.end);
    }
    this.#held = bytes;
  }

  /** Reads all that a connection brings. */
  read(socket: Socket): void {
    socket.on("data", (chunk: Buffer) => this.push(chunk));
  }
}

export function readFrame(text: string): SyslogFrame {
  const match = form.exec(text);
  if (match === null) throw new Error(`no RFC 5424 frame: ${JSON.stringify(text.slice(0, 200))}`);
  const [, pri, time, hostname, app, process, msgid, data, message = ""] = match;
  return {
    pri: Number(pri),
    time: time!,
    hostname: hostname!,
    app: app!,
    process: process!,
    msgid: msgid!,
    data: data!,
    message,
  };
}
