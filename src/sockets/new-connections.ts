/**
 * Connections that a listener has accepted, until they are taken up. In a turn of the event loop the system hands out as many as there are
 * sockets at an address (`further-listeners.ts`), and what a server makes for each (streams, a parser, a TLS handshake) takes several
 * times as long as to accept it. Of each turn half a millisecond is given to that; addresses take turns, so that nobody waits
 * behind the hundreds that another address has brought.
 */
import type { Server, Socket } from "node:net";
import { addressGroup } from "../core/address-group.ts";
import { FairLine } from "../core/scheduling/fair-line.ts";
import { Turns } from "../turns.ts";
import { readBy } from "./socket-reads.ts";

/** At the bound the one that has waited for longest, of the address that has the most, is closed. */
const waitingMax = 1_000;
/** The first read of a connection that is to begin a handshake: most of them say less. */
const helloBytesMax = 4 * 1024;

type Waiting = { readonly socket: Socket; readonly take: () => void };

/** Node's property, which its types do not name. */
type Pausing = Server & { pauseOnConnect: boolean };

export class NewConnections {
  readonly #turns: Turns;
  readonly #waiting = new FairLine<Waiting>();
  readonly #hello = Buffer.allocUnsafeSlow(helloBytesMax);
  #isOn = false;

  constructor(turns = new Turns({ nowMs: () => performance.now(), defer: setImmediate })) {
    this.#turns = turns;
  }

  /** All that listens to connections of `server` by now hears of them in turns. Call it before it listens. */
  attach(server: Server): void {
    const listeners = server.listeners("connection") as ((socket: Socket) => void)[];
    server.removeAllListeners("connection");
    (server as Pausing).pauseOnConnect = true; // what arrives before its turn stays in the system
    server.on("connection", (socket: Socket) =>
      this.add(socket, () => {
        for (const listener of listeners) listener.call(server, socket);
        if (!socket.destroyed) socket.resume();
      }),
    );
  }

  /** `take` is called when the turn of the connection has come. */
  add(socket: Socket, take: () => void): void {
    if (this.#waiting.length === 0 && !this.#isOver) {
      take();
      return;
    }
    if (this.#waiting.length >= waitingMax) this.#waiting.shiftOfLargest()!.socket.destroy();
    this.#waiting.push(addressGroup(socket.remoteAddress), { socket, take });
    this.#defer();
  }

  /**
   * `begin` is called when the first bytes have come and it is their turn: most of a handshake is done for the first of
   * its client's. `late` is called where none has come after `msMax`.
   */
  addHello(
    socket: Socket,
    { msMax, begin, late }: { readonly msMax: number; readonly begin: () => void; readonly late: () => void },
  ): void {
    const timer = setTimeout(late, msMax).unref();
    socket.once("close", () => clearTimeout(timer));
    socket.on("error", () => {}); // a client that has gone again
    const isRead = readBy(socket, {
      memory: this.#hello,
      take: (bytes) => {
        clearTimeout(timer);
        socket.pause(); // what is put back would flow to nobody
        socket.unshift(Buffer.from(this.#hello.subarray(0, bytes)));
        this.add(socket, begin);
        return false;
      },
    });
    if (isRead) return;
    clearTimeout(timer);
    this.add(socket, begin);
  }

  /** Half a millisecond of each turn. */
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

  #goOn(): void {
    while (this.#waiting.length > 0 && !this.#isOver) {
      const { socket, take } = this.#waiting.shift()!;
      if (!socket.destroyed) take();
    }
    if (this.#waiting.length > 0) this.#defer();
  }
}

/** Those of this process's listeners. */
export const newConnections = new NewConnections();
