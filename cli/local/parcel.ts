/**
 * Lines that go to the server in one `POST /logs`, under one id that all its tries share, so that the server stores
 * them once. Frames are written as bytes come: `LEN <PRI>1 TIME HOST APPNAME PROCID - - LINE\n`.
 */
import { randomBytes } from "node:crypto";
import type { Destination } from "./destinations.ts";
import { parcelBytesMax, parcelLinesMax } from "./limits.ts";

type LineKind = {
  readonly pri: number;
  readonly process: string;
  readonly host?: string;
  /** These lines are few and never dropped: even a full queue takes them. */
  readonly vital?: true;
};

/** A writer: one process of one destination. */
export class LineSource {
  readonly destination: Destination;
  readonly isVital: boolean;
  readonly #kind: LineKind;
  #head = Buffer.alloc(0);
  #headMs = Number.NaN;

  constructor(destination: Destination, kind: LineKind) {
    this.destination = destination;
    this.isVital = kind.vital === true;
    this.#kind = kind;
  }

  /** The part of a frame between its length and its message; made once per millisecond. */
  head(atMs: number): Buffer {
    if (atMs !== this.#headMs) {
      this.#headMs = atMs;
      const { pri, process, host = "host" } = this.#kind;
      const { appname } = this.destination;
      this.#head = Buffer.from(`<${pri}>1 ${timeText(atMs)} ${host} ${appname} ${process} - - `);
    }
    return this.#head;
  }
}

/** Lines that a notice reports: dropped before sending (L12), or given up in sending (L13). */
export type Loss = { readonly code: "L12" | "L13"; readonly count: number; readonly sinceMs: number };

/** A loss in log-shuttle's words. */
export function lossText({ code, count, sinceMs }: Loss): string {
  return `Error ${code}: ${count} messages ${code === "L12" ? "dropped" : "lost"} since ${timeText(sinceMs)}`;
}

export class Parcel {
  readonly destination: Destination;
  readonly parcelId = randomBytes(16).toString("hex").toUpperCase();
  /** When its first line came, and the same by a clock that never jumps. */
  readonly bornMs: number;
  readonly bornAtMs = performance.now();
  /** The loss that its only line reports; absent for lines of a program. */
  readonly tells: Loss | undefined;
  count = 0;
  #bytes = Buffer.allocUnsafe(4096);
  #length = 0;

  constructor(destination: Destination, bornMs: number, tells?: Loss) {
    this.destination = destination;
    this.bornMs = bornMs;
    this.tells = tells;
  }

  /** True if it takes no further line. */
  get full(): boolean {
    return this.count >= parcelLinesMax || this.#length >= parcelBytesMax || this.tells !== undefined;
  }

  /** The memory that it uses, which is more than the bytes of its frames. */
  get bytesTaken(): number {
    return this.#bytes.length;
  }

  /** The frames: a body of `POST /logs`. */
  get body(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Adds `message[start, end)`, with an LF if it is a whole line. */
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
