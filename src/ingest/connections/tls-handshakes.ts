/**
 * TLS for listeners of senders, RFC 5425 and 9662: versions 1.2 and 1.3, no early data (Node accepts none). A client
 * may present a certificate if there is an authority to check it against; an invalid one ends the connection. A
 * connection counts for its address from its first byte on.
 */
import type { Socket } from "node:net";
import { createServer, type TLSSocket } from "node:tls";
import { droppedConnections } from "../../metrics.ts";
import { newConnections } from "../../sockets/new-connections.ts";
import type { Peer, Reason, SyslogPeers } from "./syslog-peers.ts";

/** PEM: the certificate chain, its key, and the authority for clients' certificates, if they are asked for. */
export type TlsFiles = {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly clientCa?: Buffer | undefined;
};

type HandshakeFault = "not_tls" | "tls_handshake" | "client_certificate";
export type HandshakeNote = (address: string | undefined, cause: HandshakeFault | Reason) => void;

/** A connection that is not secured yet. At a bound it is closed like one without a known token. */
type Handshake = Peer & { readonly socket: Socket };

/** Errors for bytes that are not TLS at all; any other error means that the handshake failed. */
const notTlsCodes: ReadonlySet<unknown> = new Set([
  "ERR_SSL_WRONG_VERSION_NUMBER",
  "ERR_SSL_HTTP_REQUEST",
  "ERR_SSL_HTTPS_PROXY_REQUEST",
  "ERR_SSL_PACKET_LENGTH_TOO_LONG",
  "ERR_SSL_RECORD_LENGTH_MISMATCH",
  "ERR_SSL_UNKNOWN_PROTOCOL",
]);

export function tlsHandshakes(
  tls: TlsFiles,
  {
    peers,
    note,
    handshakeMsMax,
    secured,
  }: {
    readonly peers: SyslogPeers;
    readonly note: HandshakeNote;
    readonly handshakeMsMax: number;
    readonly secured: (socket: TLSSocket) => void;
  },
): { begin(socket: Socket): void; setTls(tls: TlsFiles): void; close(): void } {
  const open = new Map<string, Handshake>();
  const server = createServer({
    ...contextOf(tls),
    minVersion: "TLSv1.2",
    requestCert: tls.clientCa !== undefined,
    rejectUnauthorized: false, // a client without a certificate is welcome; others are checked below
    handshakeTimeout: handshakeMsMax,
  });

  const leave = (key: string): void => {
    const handshake = open.get(key);
    if (handshake === undefined) return;
    open.delete(key);
    peers.leave(handshake);
  };

  server.on("secureConnection", (socket) => {
    leave(keyOf(socket));
    const isShown = Object.keys(socket.getPeerCertificate() ?? {}).length > 0;
    if (isShown && !socket.authorized) {
      note(socket.remoteAddress, "client_certificate");
      socket.on("error", () => {});
      socket.destroy();
      return;
    }
    secured(socket);
  });
  server.on("tlsClientError", (error, socket) => {
    const { code } = error as NodeJS.ErrnoException;
    const isOurs = !open.has(keyOf(socket));
    if (!isOurs && code !== "ECONNRESET")
      note(socket.remoteAddress, notTlsCodes.has(code) ? "not_tls" : "tls_handshake");
    leave(keyOf(socket));
    socket.destroy();
  });

  return {
    begin(socket) {
      if (socket.remoteAddress === undefined) {
        socket.destroy(); // its client has left, and all such have the same key
        return;
      }
      const key = keyOf(socket);
      const handshake: Handshake = {
        socket,
        address: socket.remoteAddress,
        isKnown: false,
        close(reason) {
          open.delete(key);
          droppedConnections.inc({ reason });
          note(socket.remoteAddress, reason);
          socket.destroy();
        },
      };
      open.set(key, handshake);
      socket.on("error", () => {});
      socket.once("close", () => leave(key));
      peers.enter(handshake);
      if (socket.destroyed) return;
      newConnections.addHello(socket, {
        msMax: handshakeMsMax,
        begin: () => server.emit("connection", socket),
        late: () => {
          note(socket.remoteAddress, "tls_handshake");
          socket.destroy();
        },
      });
    },
    setTls: (changed) => server.setSecureContext(contextOf(changed)),
    close() {
      for (const { socket } of open.values()) socket.destroy();
    },
  };
}

const contextOf = ({ cert, key, clientCa }: TlsFiles) => ({
  cert,
  key,
  ...(clientCa !== undefined && { ca: clientCa }),
});

const keyOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;
