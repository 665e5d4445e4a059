/**
 * The connections of an HTTP listener, bounded in all and for each address. At a bound, the connection that has been
 * idle for longest is closed, or else the one whose answer has been unread for longest; if every connection is
 * waiting for us, the new one is refused. Connections that carry a stream are bounded by `Tails` and do not count.
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
  /**
   * A connection is closed after this long without a byte in either direction, unless its request is being worked on.
   */
  readonly stallMsMax: number;
};

const sparedAtOnce = 64;
const refusingMax = 100;

/** Knows every connection of the servers that it is attached to. */
export class Connections {
  readonly #limits: ConnectionLimits;
  readonly #bySocket = new WeakMap<Socket, Connection>();
  readonly #addresses = new Map<string, AddressConnections>();
  /** Raw connections whose TLS handshake is under way, by their addresses and ports. */
  readonly #handshakes = new Map<string, Connection>();
  #count = 0;
  /** Connections that are being told that there are too many; they are closed within a second. */
  #refusing = 0;

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
  }

  /** The number of connections that count. */
  get count(): number {
    return this.#count;
  }

  /**
   * Counts and bounds the connections of `server`, and closes those that stall. Call it before the server listens.
   */
  attach(server: Server, { isTls }: { readonly isTls: boolean }): void {
    server.on("connection", (socket: Socket) => this.#open(socket, isTls));
    server.on("secureConnection", (socket: TLSSocket) => this.#secured(socket));
    server.setTimeout(this.#limits.stallMsMax, (socket) => this.#onStalled(socket));
  }

  /** Closes every connection without a request, whole or begun, so that nobody loses anything. */
  closeIdle(): void {
    for (const { idle } of [...this.#addresses.values()])
      for (const connection of idle) connection.socket.destroy();
  }

  /** The connection of a request; undefined when it was refused. */
  of(socket: Socket): Connection | undefined {
    return this.#bySocket.get(socket);
  }

  /** The group of the connection's address, for bounds of each address. */
  addressOf(socket: Socket): string {
    return this.#bySocket.get(socket)?.address ?? addressGroup(socket.remoteAddress);
  }

  /** Call when the connection became idle, or its request began. */
  moved(connection: Connection): void {
    const ofAddress = this.#addresses.get(connection.address);
    if (ofAddress?.delete(connection) === true) ofAddress.add(connection);
  }

  /** The connection carries a stream from now on, until its request ends. */
  carriesStream(socket: Socket): void {
    const connection = this.#bySocket.get(socket);
    if (connection === undefined || connection.isStream) return;
    connection.isStream = true;
    this.#leave(connection);
  }

  /** The stream is over, and its connection counts again. */
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
    const from = endsOf(socket); // two system calls
    this.#handshakes.set(from, connection);
    socket.once("close", () => this.#handshakes.delete(from));
  }

  // The refusal is explained while only a few are being explained, and never before a TLS handshake.
  #refuse(socket: Socket, isTls: boolean, refusal: AppError): void {
    if (isTls || this.#refusing >= refusingMax) {
      socket.destroy();
      return;
    }
    this.#refusing++;
    socket.once("close", () => this.#refusing--);
    closeWith(socket, refusal);
  }

  // A TLS server emits another socket than the one that it accepted.
  #secured(socket: TLSSocket): void {
    const from = endsOf(socket);
    const connection = this.#handshakes.get(from);
    this.#handshakes.delete(from);
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

  /** Closes a few connections for which we lose no work, of the addresses that have the most. */
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

  // Node calls this when no byte has moved in either direction, even within one large write.
  #onStalled(socket: Socket): void {
    const connection = this.#bySocket.get(socket);
    if (connection === undefined || connection.isIdle) {
      socket.destroy();
    } else if (!connection.isStream && connection.isUnread) {
      httpDroppedConnections.inc({ reason: "unread" });
      socket.destroy();
    }
  }
}

const endsOf = (socket: Socket): string => `${socket.remoteAddress} ${socket.remotePort} ${socket.localPort}`;
