/**
 * The connections of an HTTP listener: how many there may be in all and from one address. At a bound the one that has been
 * without a request for longest makes room, else the one whose answer has been left unread for longest; where every
 * connection waits for us the new one is refused. Connections that carry a stream are bounded by `Tails` and not counted.
 */
import type { Server } from "node:http";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { addressGroup } from "../core/address-group.ts";
import type { AppError } from "../errors/app-error.ts";
import { addressConnectionsFull, connectionsFull } from "../errors/http.ts";
import { httpConnections, httpDroppedConnections } from "../metrics.ts";
import { AddressConnections } from "./address-connections.ts";
import { Connection } from "./connection.ts";
import { closeWith } from "./raw-answer.ts";

type ConnectionLimits = {
  /** Connections of all addresses together. */
  readonly connectionsMax: number;
  /** Connections of one address; a /64 of IPv6 is one. */
  readonly addressConnectionsMax: number;
  /** A connection on which no byte moved for so long is closed, unless its request is still being worked on. */
  readonly stallMsMax: number;
};

const sparedAtOnce = 64;
const refusingMax = 100;

/** Knows every connection of the servers that it was attached to. */
export class Connections {
  readonly #limits: ConnectionLimits;
  readonly #bySocket = new WeakMap<Socket, Connection>();
  readonly #addresses = new Map<string, AddressConnections>();
  /** Raw connections whose TLS handshake is under way, by where they come from. */
  readonly #shaking = new Map<string, Connection>();
  #count = 0;
  /** Connections that are being told that there are too many; they are closed within a second. */
  #refusing = 0;

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
  }

  /** Connections that count now. */
  get count(): number {
    return this.#count;
  }

  /** Counts and bounds the connections of `server`, and closes those that stall. Call it before it listens. */
  attach(server: Server, { isTls }: { readonly isTls: boolean }): void {
    server.on("connection", (socket: Socket) => this.#open(socket, isTls));
    server.on("secureConnection", (socket: TLSSocket) => this.#secured(socket));
    server.setTimeout(this.#limits.stallMsMax, (socket) => this.#onStill(socket));
  }

  /** Closes every connection of which no request is here, whole or begun: nobody loses anything. */
  closeResting(): void {
    for (const { resting } of [...this.#addresses.values()])
      for (const connection of resting) connection.socket.destroy();
  }

  /** The connection of a request; undefined when it was refused. */
  of(socket: Socket): Connection | undefined {
    return this.#bySocket.get(socket);
  }

  /** The group of the connection's address, for bounds of each address. */
  addressOf(socket: Socket): string {
    return this.#bySocket.get(socket)?.address ?? addressGroup(socket.remoteAddress);
  }

  /** The connection began to rest, or its request began. */
  moved(connection: Connection): void {
    const ofAddress = this.#addresses.get(connection.address);
    if (ofAddress?.delete(connection) === true) ofAddress.add(connection);
  }

  /** From here on the connection carries a stream, until its request ends. */
  carriesStream(socket: Socket): void {
    const connection = this.#bySocket.get(socket);
    if (connection === undefined || connection.isStream) return;
    connection.isStream = true;
    this.#leave(connection);
  }

  /** The stream of the connection is over, and it counts again. */
  streamEnded(connection: Connection): void {
    connection.isStream = false;
    if (!connection.socket.destroyed) this.#enter(connection);
  }

  #open(socket: Socket, isTls: boolean): void {
    const connection = new Connection(socket, addressGroup(socket.remoteAddress));
    const refusal = this.#refusal(connection.address);
    if (refusal !== undefined) {
      this.#refuse(socket, isTls, refusal);
      return;
    }
    this.#enter(connection);
    socket.once("close", () => this.#leave(connection));
    if (!isTls) {
      this.#bySocket.set(socket, connection);
      return;
    }
    const from = whence(socket); // two calls of the system
    this.#shaking.set(from, connection);
    socket.once("close", () => this.#shaking.delete(from));
  }

  // In words as long as few are being told; nobody is told before a TLS handshake.
  #refuse(socket: Socket, isTls: boolean, refusal: AppError): void {
    if (isTls || this.#refusing >= refusingMax) {
      socket.destroy();
      return;
    }
    this.#refusing++;
    socket.once("close", () => this.#refusing--);
    closeWith(socket, refusal);
  }

  // A TLS server hands on another socket than the one that it accepted.
  #secured(socket: TLSSocket): void {
    const from = whence(socket);
    const connection = this.#shaking.get(from);
    this.#shaking.delete(from);
    if (connection !== undefined) this.#bySocket.set(socket, connection);
  }

  #refusal(address: string): AppError | undefined {
    const { connectionsMax, addressConnectionsMax } = this.#limits;
    const ofAddress = this.#addresses.get(address);
    if (ofAddress !== undefined && ofAddress.size >= addressConnectionsMax) {
      if (!this.#makeRoom(ofAddress)) {
        httpDroppedConnections.inc({ reason: "too_many_of_address" });
        return addressConnectionsFull(addressConnectionsMax);
      }
    } else if (this.#count >= connectionsMax && !this.#makeRoom(this.#largest())) {
      httpDroppedConnections.inc({ reason: "too_many" });
      return connectionsFull(connectionsMax);
    }
    return undefined;
  }

  /** Closes a few that can be spared, of the addresses that have the most. */
  makeRoom(): void {
    for (let closed = 0; closed < sparedAtOnce && this.#makeRoom(this.#largest()); closed++);
  }

  #largest(): AddressConnections {
    let largest = new AddressConnections();
    for (const connections of this.#addresses.values()) {
      if (connections.size > largest.size) largest = connections;
    }
    return largest;
  }

  #makeRoom({ dispensable }: AddressConnections): boolean {
    if (dispensable === undefined) return false;
    httpDroppedConnections.inc({ reason: "made_room" });
    this.#leave(dispensable);
    dispensable.socket.destroy();
    return true;
  }

  #enter(connection: Connection): void {
    const ofAddress = this.#addresses.get(connection.address) ?? new AddressConnections();
    ofAddress.add(connection);
    this.#addresses.set(connection.address, ofAddress);
    this.#count++;
    httpConnections.inc();
  }

  #leave(connection: Connection): void {
    const ofAddress = this.#addresses.get(connection.address);
    if (ofAddress?.delete(connection) !== true) return;
    if (ofAddress.size === 0) this.#addresses.delete(connection.address);
    this.#count--;
    httpConnections.dec();
  }

  // Node calls this when neither side moved a byte, also within one large write.
  #onStill(socket: Socket): void {
    const connection = this.#bySocket.get(socket);
    if (connection === undefined || connection.isResting) {
      socket.destroy();
    } else if (!connection.isStream && connection.isUnread) {
      httpDroppedConnections.inc({ reason: "unread" });
      socket.destroy();
    }
  }
}

const whence = (socket: Socket): string => `${socket.remoteAddress} ${socket.remotePort} ${socket.localPort}`;
