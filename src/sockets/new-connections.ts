/**
 * Connections that a listener has accepted and that were not taken up yet. In a turn of the event loop the system
 * hands out as many as there are sockets at an address (`further-listeners.ts`), and what is set up for each (Node's
 * streams, a parser, a TLS handshake) takes ten times as long as accepting it. So a connection stays a bare handle
 * until its turn comes: half a millisecond of each turn goes to that. The address goes first whose connections have taken
 * the least time, so that nobody waits behind hundreds of another one.
 */
import type { Server, Socket } from "node:net";
import { addressGroup } from "../core/address-group.ts";
import { TurnLine } from "../turn-line.ts";
import { ownTurns } from "../turns.ts";
import { readBy } from "./socket-reads.ts";

/** The most connections that wait, where so many files may be open. */
export const acceptedMax = 1_000;
/** Bound for the first read of a handshake; most are shorter. */
const helloBytesMax = 4 * 1024;

type Waiting = {
  readonly take: () => void;
  /** Closes it instead. */
  readonly drop: () => void;
};

/** Internals of a listening server, which makes a socket of each connection in `onconnection`. */
type Listening = Server & {
  readonly _handle?: { onconnection?: (this: unknown, status: number, accepted?: Accepted) => void } | null;
};

/** A connection that was accepted, before it is a socket. */
type Accepted = {
  getpeername: (into: { address?: string }) => number;
  readonly close: () => void;
};

export class NewConnections {
  readonly #line: TurnLine<Waiting>;
  readonly #hello = Buffer.allocUnsafeSlow(helloBytesMax);
  /** At this bound, the connection that has waited for longest, of the address that has the most, is closed. */
  waitingMax = acceptedMax;

  constructor(turns = ownTurns()) {
    const isOver = () => {
      turns.shorten();
      return turns.isOver;
    };
    this.#line = new TurnLine({ isOver, run: ({ take }) => take() });
  }

  /** The number of connections that wait. */
  get waiting(): number {
    return this.#line.length;
  }

  /**
   * Makes `server` take up its connections in turns. Call it before the server listens. On a Node that lacks these
   * internals, connections are taken up as they come.
   */
  attach(server: Server): void {
    server.on("listening", () => {
      const { _handle: handle } = server as Listening;
      const takeUp = handle?.onconnection;
      if (typeof takeUp !== "function") return;
      handle!.onconnection = (status, accepted) => {
        if (accepted === undefined) {
          takeUp.call(handle, status);
          return;
        }
        const from: { address?: string } = {};
        const error = accepted.getpeername(from);
        // When its turn comes, the client may have left, and its socket could not ask any more.
        accepted.getpeername = (into) => {
          Object.assign(into, from);
          return error;
        };
        const drop = () => accepted.close();
        const take = () => (server.listening ? takeUp.call(handle, status, accepted) : drop());
        this.add(from.address, { take, drop });
      };
    });
  }

  /** `take` is called when the turn of the connection from `address` has come. */
  add(address: string | undefined, waiting: Waiting): void {
    if (this.#line.length >= this.waitingMax) this.#line.removeOfLargest()!.drop();
    this.#line.add(addressGroup(address), waiting);
  }

  /**
   * `begin` is called when the first bytes have come and their turn has too, because most of the work of a handshake
   * is done for the first message of the client. `late` is called if none has come after `msMax`.
   */
  addHello(
    socket: Socket,
    { msMax, begin, late }: { readonly msMax: number; readonly begin: () => void; readonly late: () => void },
  ): void {
    const timer = setTimeout(late, msMax).unref();
    socket.once("close", () => clearTimeout(timer));
    socket.on("error", () => {}); // the client may leave before its turn
    const isRead = readBy(socket, {
      memory: this.#hello,
      take: (bytes) => {
        clearTimeout(timer);
        socket.pause(); // otherwise the bytes that are put back would be lost
        socket.unshift(Buffer.from(this.#hello.subarray(0, bytes)));
        this.#addSocket(socket, begin);
        return false;
      },
    });
    if (isRead) return;
    clearTimeout(timer);
    this.#addSocket(socket, begin);
  }

  #addSocket(socket: Socket, begin: () => void): void {
    const take = () => !socket.destroyed && begin();
    this.add(socket.remoteAddress, { take, drop: () => socket.destroy() });
  }
}

/** For the listeners of this process. */
export const newConnections = new NewConnections();
