/**
 * Parses `text/event-stream` as the HTML standard defines it: bytes in, in chunks of any size; events out. Knows no
 * socket.
 */

/** One event. `id` is the newest id so far in the stream, in this event or before. */
export type StreamEvent = { readonly id: string; readonly event: string; readonly data: string };

/** The largest event; a stream that exceeds this is not one of ours. */
export const eventBytesMax = 16 * 1024 * 1024;

const LF = 0x0a;
const CR = 0x0d;

/** Keeps what is unfinished between two chunks: at most one event, bounded by `eventBytesMax`. */
export class EventStreamReader {
  #rest: Buffer[] = [];
  #restBytes = 0;
  #started = false;
  #afterCr = false;
  #data: string[] = [];
  #dataLength = 0;
  #event = "";
  #id = "";
  #retryMs: number | undefined;

  /** The newest id, including those of events without data. */
  get lastEventId(): string {
    return this.#id;
  }

  /** The wait before a reconnect, if the server asked for one. */
  get retryMs(): number | undefined {
    return this.#retryMs;
  }

  /** Takes the next bytes and returns the events that they complete. */
  push(chunk: Uint8Array): StreamEvent[] {
    const events: StreamEvent[] = [];
    let bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    // A CR already ended a line; the LF that follows belongs to it.
    if (this.#afterCr && bytes[0] === LF) bytes = bytes.subarray(1);
    if (chunk.length > 0) this.#afterCr = false;
    const end = lastLineEnd(bytes);
    if (end === 0) return this.#keep(bytes);
    this.#afterCr = bytes.at(-1) === CR;
    const text = Buffer.concat([...this.#rest, bytes.subarray(0, end)]).toString();
    this.#rest = [];
    this.#restBytes = 0;
    const lines = (this.#started ? text : text.replace(/^\uFEFF/, "")).split(/\r\n|\n|\r/);
    this.#started = true;
    for (let i = 0; i < lines.length - 1; i++) {
      if (lines[i] === "") this.#dispatch(events);
      else this.#field(lines[i]!);
    }
    this.#keep(bytes.subarray(end));
    return events;
  }

  #keep(bytes: Buffer): StreamEvent[] {
    if (bytes.length > 0) this.#rest.push(Buffer.from(bytes));
    this.#restBytes += bytes.length;
    this.#bound();
    return [];
  }

  #field(line: string): void {
    const colon = line.indexOf(":");
    if (colon === 0) return; // a comment: the server's heartbeat
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (field === "data") {
      this.#data.push(value);
      this.#dataLength += value.length + 1;
      this.#bound();
    } else if (field === "event") this.#event = value;
    else if (field === "id" && !value.includes("\0")) this.#id = value;
    else if (field === "retry" && /^[0-9]{1,9}$/.test(value)) this.#retryMs = Number(value);
  }

  #dispatch(events: StreamEvent[]): void {
    if (this.#data.length > 0)
      events.push({ id: this.#id, event: this.#event || "message", data: this.#data.join("\n") });
    this.#data = [];
    this.#dataLength = 0;
    this.#event = "";
  }

  #bound(): void {
    if (this.#restBytes + this.#dataLength > eventBytesMax)
      throw new RangeError(`the stream holds an event of more than ${eventBytesMax} bytes`);
  }
}

/** The place after the last CR or LF, or 0. */
function lastLineEnd(bytes: Buffer): number {
  return Math.max(bytes.lastIndexOf(LF), bytes.lastIndexOf(CR)) + 1;
}
