/**
 * Writes messages directly to the server's socket. The client library copies each message twice, and collecting these
 * copies costs more than making them. Messages that are published together go out in one write. The library writes
 * its own messages to the same socket, always whole.
 */
import type { Socket } from "node:net";
import { headers, type MsgHdrs, type NatsConnection } from "nats";
import { Rarity } from "../../../core/scheduling/rarity.ts";
import type { Clock } from "../../../ports.ts";
import type { InPieces } from "./wire.ts";

/** Internals of a connection, looked up by name; a library that has others is used in the normal way. */
type Insides = {
  readonly protocol?: {
    /** True once the server has accepted the connection. */
    readonly connected?: boolean;
    readonly transport?: { readonly socket?: Socket };
  };
};

/**
 * A piece up to this size is copied into one buffer with its neighbours, since each piece of a write costs more than
 * the copy.
 */
const copiedBytesMax = 2048;
const gatherMsMax = 1;
const gatherBytesMax = 512 * 1024;
const versionLine = "NATS/1.0\r\n";
const end = Buffer.from("\r\n");

/** Header lines of a message in pieces, in the library's form. */
export function headersOf(lines: string): MsgHdrs {
  const found = headers();
  for (const line of lines.split("\r\n").slice(0, -1)) {
    const colon = line.indexOf(": ");
    found.set(line.slice(0, colon), line.slice(colon + 2));
  }
  return found;
}

export class Straight {
  readonly #insides: Insides;
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #publishes = new Rarity();
  #corked: Socket | undefined;
  /** Messages gathered so far. */
  #gathered = 0;

  constructor(nats: NatsConnection, clock: Pick<Clock, "monotonicMs">) {
    this.#insides = nats as unknown as Insides;
    this.#clock = clock;
  }

  /** Returns false, and writes nothing, when there is no direct way at the moment. */
  publish(message: InPieces): boolean {
    const { protocol } = this.#insides;
    const socket = protocol?.connected === true ? protocol.transport?.socket : undefined;
    if (socket === undefined || !socket.writable) return false;
    const nowMs = this.#clock.monotonicMs();
    const goesAlone = this.#corked !== socket && this.#publishes.isRare(nowMs);
    this.#publishes.happened(nowMs);
    if (goesAlone) socket.cork();
    else this.#cork(socket, nowMs);
    write(socket, message);
    if (goesAlone) socket.uncork();
    return true;
  }

  #cork(socket: Socket, nowMs: number): void {
    this.#gathered++;
    if (this.#corked === socket) return;
    this.#corked = socket;
    socket.cork();
    this.#gather(socket, nowMs + gatherMsMax);
  }

  // Messages that are frequent are held back while each turn of the event loop brings more, up to a bound, as in a commit of the
  // journal.
  #gather(socket: Socket, endMs: number): void {
    const before = this.#gathered;
    setImmediate(() => {
      const waits = this.#gathered > before && this.#corked === socket && this.#clock.monotonicMs() < endMs;
      if (waits && socket.writableLength < gatherBytesMax) {
        this.#gather(socket, endMs);
        return;
      }
      if (this.#corked === socket) this.#corked = undefined;
      socket.uncork();
    });
  }
}

function write(socket: Socket, { subject, reply, headers, payload }: InPieces): void {
  let bytes = 0;
  for (const piece of payload) bytes += piece.length;
  const headerBytes = versionLine.length + headers.length + 2;
  const first = `HPUB ${subject} ${reply} ${headerBytes} ${headerBytes + bytes}\r\n${versionLine}${headers}\r\n`;
  if (bytes <= copiedBytesMax) {
    const whole = Buffer.allocUnsafe(first.length + bytes + 2);
    let at = whole.write(first, 0, "latin1");
    for (const piece of payload) {
      whole.set(piece, at);
      at += piece.length;
    }
    whole.set(end, at);
    socket.write(whole);
    return;
  }
  const [head, ...rest] = payload;
  const begin = Buffer.allocUnsafe(first.length + head!.length);
  begin.write(first, 0, "latin1");
  begin.set(head!, first.length);
  socket.write(begin);
  for (const piece of rest) socket.write(piece);
  socket.write(end);
}
