/**
 * A listener for senders' connections over TCP or TLS: who may connect, who is too slow, and how it closes. The
 * protocol is the connection's own business.
 */
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import type { Logger } from "pino";
import { syslogConnections } from "../../metrics.ts";
import { listenFurther, shared } from "../../sockets/further-listeners.ts";
import { newConnections } from "../../sockets/new-connections.ts";
import type { ForeignProtocol } from "./foreign-protocol.ts";
import type { SyslogPeers } from "./syslog-peers.ts";
import { type HandshakeNote, type TlsFiles, tlsHandshakes } from "./tls-handshakes.ts";

/** Why this side closed a connection. */
export type Closing =
  | "too_many"
  | "too_many_of_address"
  | "no_token_in_time"
  | "too_slow"
  | "no_room"
  | "frame_too_long"
  | "not_relp"
  | ForeignProtocol
  | "idle";

/** One sender, as seen by its listener. */
export type StreamConnection = {
  readonly address: string | undefined;
  readonly isKnown: boolean;
  /** Resolves when the connection is closed and its last line is durable, or given up. Never rejects. */
  run(): Promise<void>;
  stop(): void;
  close(reason: Closing): void;
  checkPace(): void;
};

type StreamListenerOptions = {
  readonly host: string;
  readonly port: number;
  /** Absent: plain TCP. */
  readonly tls?: TlsFiles | undefined;
  readonly peers: SyslogPeers;
  readonly noteHandshake: HandshakeNote;
  readonly logger: Pick<Logger, "error">;
  /** How often to look for senders that are too slow. */
  readonly checkMs: number;
  /** For a TLS handshake. */
  readonly handshakeMsMax: number;
  /** The protocol answers its senders, also one that has ended its side (without TLS); it ends each connection itself. */
  readonly answers?: boolean | undefined;
  readonly open: (socket: Socket) => StreamConnection;
};

export type StreamListener = {
  readonly address: AddressInfo;
  /** Changes the certificate for connections from now on. */
  setTls(tls: TlsFiles): void;
  /** Stops reading, appends what was read, and closes every connection. Idempotent. */
  close(): Promise<void>;
};

const backlog = 1000;

/** Rejects when it cannot listen at the address. */
export async function streamListener(options: StreamListenerOptions): Promise<StreamListener> {
  const { peers, logger } = options;
  const open = new Map<StreamConnection, Promise<void>>();

  const accept = (socket: Socket) => {
    const connection = options.open(socket);
    peers.enter(connection);
    syslogConnections.inc();
    const ended = connection.run().then(() => {
      peers.leave(connection);
      open.delete(connection);
      syslogConnections.dec();
    });
    open.set(connection, ended);
  };

  const handshakes =
    options.tls &&
    tlsHandshakes(options.tls, {
      peers,
      note: options.noteHandshake,
      handshakeMsMax: options.handshakeMsMax,
      secured: accept,
    });
  const server = createServer(
    { keepAlive: true, noDelay: true, allowHalfOpen: options.answers === true && handshakes === undefined },
    handshakes === undefined ? accept : (socket) => handshakes.begin(socket),
  );
  newConnections.attach(server);
  server.listen({ ...(await shared({ host: options.host, port: options.port })), backlog });
  await once(server, "listening");
  const further = await listenFurther(server);
  server.on("error", (error) => logger.error({ err: error }, "the syslog listener failed"));
  const checking = setInterval(() => {
    for (const connection of open.keys()) connection.checkPace();
  }, options.checkMs);

  let closing: Promise<void> | undefined;
  const closeAll = async () => {
    clearInterval(checking);
    const closed = Promise.all([new Promise((resolve) => server.close(resolve)), further.close()]);
    handshakes?.close();
    for (const connection of open.keys()) connection.stop();
    await Promise.all(open.values());
    await closed;
  };
  return {
    address: server.address() as AddressInfo,
    setTls: (tls) => handshakes?.setTls(tls),
    close: () => (closing ??= closeAll()),
  };
}
