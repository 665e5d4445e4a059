/**
 * Connections that a listener has accepted and that were not taken up yet. In a turn of the event loop the system
 * hands out as many as there are sockets at an address (`further-listeners.ts`), and what a server sets up for each
 * (streams, a parser, a TLS handshake) takes several times as long as accepting it. Half a millisecond of each turn
 * goes to that. Addresses take turns, so that nobody waits behind hundreds of connections from one other address.
 */
import type { Server, Socket } from "node:net";
import { addressGroup } from "../core/address-group.ts";
import { FairLine } from "../core/scheduling/fair-line.ts";
import { Turns } from "../turns.ts";
import { readBy } from "./socket-reads.ts";

/** The most connections that wait, where so many files may be open. */
export const acceptedMax = 1_000;
/** Bound for the first read of a handshake; most are shorter. */
const helloBytesMax = 4 * 1024;

type Waiting = { readonly socket: Socket; readonly take: () => void };

/** A property of Node that its types lack. */
type Pausing = Server & { pauseOnConnect: boolean };

export class NewConnections {
  readonly #turns: Turns;
  readonly #waiting = new FairLine<Waiting>();
  readonly #hello = Buffer.allocUnsafeSlow(helloBytesMax);
  #isOn = false;
  /** At this bound, the connection that has waited for longest, of the address that has the most, is closed. */
  waitingMax = acceptedMax;

  constructor(turns = new Turns({ nowMs: () => performance.now(), defer: setImmediate })) {
    this.#turns = turns;
  }

  /**
   * Makes everything that listens to connections of `server` so far receive them in turns. Call it before the server
   * listens.
   */
  attach(server: Server): void {
    const listeners = server.listeners("connection") as ((socket: Socket) => void)[];
    server.removeAllListeners("connection");
    (server as Pausing).pauseOnConnect = true; // what arrives before the connection's turn stays in the system
    server.on("connection", (socket: Socket) =>
      this.add(socket, () => {
        for (const listener of listeners) listener.call(server, socket);
        if (!socket.destroyed) socket.resume();
      }),
    );
  }

  /** `take` is called when the connection's turn has come. */
  add(socket: Socket, take: () => void): void {
    if (this.#waiting.length === 0 && !this.#isOver) {
      take();
      return;
    }
    if (this.#waiting.length >= this.waitingMax) this.#waiting.shiftOfLargest()!.socket.destroy();
    this.#waiting.push(addressGroup(socket.remoteAddress), { socket, take });
    this.#defer();
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
        this.add(socket, begin);
        return false;
      },
    });
    if (isRead) return;
    clearTimeout(timer);
    this.add(socket, begin);
  }

  /** True when half a millisecond of this turn is used up. */
  get #isOver(): boolean {
    this.#turns.shorten();
    return this.#turns.isOver;
  }

  #defer(): void {
    if (this.#isOn) return;
    this.#isOn = true;
    setImmediate(() => {
      this.#isOn = false;
      this.#goOn();
    });
  }

  // One at a time, and the next one behind what that one does in ticks, so that its time counts: Node reads a hello
  // that was put back in one.
  #goOn(): void {
    if (this.#waiting.length === 0) return;
    if (this.#isOver) {
      this.#defer();
      return;
    }
    const { socket, take } = this.#waiting.shift()!;
    if (!socket.destroyed) take();
    process.nextTick(() => this.#goOn());
  }
}

/** For the listeners of this process. */
export const newConnections = new NewConnections();
