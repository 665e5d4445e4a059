/** A receiver on 127.0.0.1 that knows nothing but connections: each is handled by the script, over TCP or TLS. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";

export type RawPeer = {
  readonly port: number;
  /** Connections that were ever made, TLS handshakes included. */
  readonly connections: () => number;
  /** Connections open now. */
  readonly open: () => number;
  close(): Promise<void>;
};

/** Handles the connection of number `index`; `reset` breaks it, also below TLS. */
export type HandleConnection = (socket: Socket, index: number, reset: () => void) => void;

/** A connection's own errors are swallowed. */
export async function openRawPeer(
  handle: HandleConnection,
  { tls, port = 0 }: { readonly tls?: TlsOptions; readonly port?: number } = {},
): Promise<RawPeer> {
  const sockets = new Set<Socket>();
  let connections = 0;
  let index = 0;
  const take = (socket: Socket) => {
    socket.on("error", () => {});
    const raw = [...sockets].find(({ remotePort }) => remotePort === socket.remotePort) ?? socket;
    handle(socket, index++, () => raw.resetAndDestroy());
  };
  const server: Server = tls === undefined ? createServer(take) : createTlsServer(tls, take);
  server.on("connection", (socket: Socket) => {
    connections++;
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => sockets.delete(socket));
  });
  server.on("tlsClientError", () => {});
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => connections,
    open: () => sockets.size,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** A port of 127.0.0.1 where nobody listens. */
export async function closedPort(): Promise<number> {
  const peer = await openRawPeer(() => {});
  await peer.close();
  return peer.port;
}
