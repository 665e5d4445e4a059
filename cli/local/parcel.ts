/**
 * Lines that go to the server in one `POST /logs`, under one id that all its tries share: the server stores them
 * once. Frames are written as bytes come: `LEN <PRI>1 TIME host APPNAME PROCID - - LINE\n`.
 */
import { randomBytes } from "node:crypto";

/** Where lines go and with which right. Parcels hold lines of one destination. */
export type Destination = {
  /** `…/logs`, without user and password. */
  readonly url: URL;
  readonly authorization: string;
  /** APPNAME of the frames; the server puts the token's name in its place. */
  readonly appname: string;
};

/** What writes: one process of one destination. */
export class LineSource {
  readonly destination: Destination;
  readonly #pri: number;
  readonly #process: string;
  #head = Buffer.alloc(0);
  #headMs = Number.NaN;

  constructor(destination: Destination, pri: number, process: string) {
    this.destination = destination;
    this.#pri = pri;
    this.#process = process;
  }

  /** Everything of a frame between its length and its message; made once a millisecond. */
  head(atMs: number): Buffer {
    if (atMs !== this.#headMs) {
      this.#headMs = atMs;
      const { appname } = this.destination;
      this.#head = Buffer.from(`<${this.#pri}>1 ${timeText(atMs)} host ${appname} ${this.#process} - - `);
    }
    return this.#head;
  }
}

/** Dropped before sending (L12) and lost in sending (L13), as log-shuttle counts them. */
export type Losses = { dropped: number; droppedSinceMs: number; lost: number; lostSinceMs: number };

export const parcelLinesMax = 500;
/** A parcel takes no further line beyond this; log servers accept 8 MB. */
const parcelBytesMax = 1024 * 1024;

export class Parcel {
  readonly destination: Destination;
  readonly frameId = randomBytes(16).toString("hex").toUpperCase();
  /** When its first line came. */
  readonly bornMs: number;
  count = 0;
  #bytes = Buffer.allocUnsafe(4096);
  #length = 0;

  constructor(destination: Destination, bornMs: number) {
    this.destination = destination;
    this.bornMs = bornMs;
  }

  get full(): boolean {
    return this.count >= parcelLinesMax || this.#length >= parcelBytesMax;
  }

  /** Adds `message[start, end)`, with LF when it is a whole line. */
  add(
    source: LineSource,
    atMs: number,
    message: Uint8Array,
    start: number,
    end: number,
    whole: boolean,
  ): void {
    const head = source.head(atMs);
    const length = head.length + (end - start) + (whole ? 1 : 0);
    this.#reserve(length + 11);
    let at = this.#length + this.#bytes.write(`${length} `, this.#length, "latin1");
    at += head.copy(this.#bytes, at);
    this.#bytes.set(message.subarray(start, end), at);
    at += end - start;
    if (whole) this.#bytes[at++] = 0x0a;
    this.#length = at;
    this.count++;
  }

  /** The body and the number of its frames; what was lost before is told first, in log-shuttle's words. */
  body(losses: Losses, nowMs: number): { bytes: Buffer; count: number } {
    const notices: string[] = [];
    if (losses.dropped > 0)
      notices.push(
        `Error L12: ${losses.dropped} messages dropped since ${timeText(losses.droppedSinceMs)}\n`,
      );
    if (losses.lost > 0)
      notices.push(`Error L13: ${losses.lost} messages lost since ${timeText(losses.lostSinceMs)}\n`);
    const frames = notices.map((notice) => {
      const frame = `<172>1 ${timeText(nowMs)} heroku ${this.destination.appname} log-shuttle - - ${notice}`;
      return Buffer.from(`${Buffer.byteLength(frame)} ${frame}`);
    });
    const lines = this.#bytes.subarray(0, this.#length);
    return { bytes: Buffer.concat([...frames, lines]), count: this.count + frames.length };
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + bytes));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}

/** RFC 3339 with six decimals in UTC, as log-shuttle writes it. */
function timeText(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 23)}000+00:00`;
}
