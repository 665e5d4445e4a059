/**
 * Syslog over TCP, docs/spec/wire-in.md#w5-1: octet-counted frames, the token in APPNAME says whose each one is. Nothing is ever
 * written back, so a sender learns of trouble by a socket that is not read. What was read is appended however
 * long the log refuses it; only the end of the process loses it, and then it is counted.
 */
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import type { Logger } from "pino";
import { syslogConnections } from "../metrics.ts";
import type { Clock } from "../ports.ts";
import type { Lanes } from "./lanes.ts";
import { FrameRouter, type Loops, type TokenLookup } from "./router.ts";
import type { SenderFaults } from "./sender-faults.ts";
import { SyslogConnection } from "./syslog-connection.ts";
import { SyslogPeers } from "./syslog-peers.ts";
import { SyslogWriter, Unwritten } from "./syslog-writer.ts";
import { UnfinishedFrames } from "./unfinished-frames.ts";

export type SyslogOptions = {
  readonly host: string;
  readonly port: number;
  readonly lanes: Pick<Lanes, "append">;
  readonly tokens: TokenLookup;
  readonly loops: Loops;
  readonly faults: Pick<SenderFaults, "note">;
  readonly logger: Pick<Logger, "info" | "warn" | "error">;
  readonly clock: Clock;
  /** A longer frame closes its connection. */
  readonly frameBytesMax: number;
  /** The lanes' own bound of a batch: more lines than that are handed over one batch after the other. */
  readonly batchBytesMax: number;
  /** Connections in all, and from one address. */
  readonly connectionsMax: number;
  readonly addressConnectionsMax: number;
  /** Read from a connection and not yet durable: beyond it the socket is not read. */
  readonly connectionBytesMax: number;
  /** The same of all connections together: beyond it those that have lines waiting are not read. */
  readonly unwrittenBytesMax: number;
  /** Memory of frames that have begun and not ended, of all connections together. */
  readonly unfinishedBytesMax: number;
  /** From the connection to the first frame with a known token. */
  readonly firstTokenMs: number;
  /** From the first byte of a frame to its last. */
  readonly frameMsMax: number;
  /** A connection on which nothing arrived for so long is closed. */
  readonly connectionIdleMs: number;
  /** Tokens whose records are kept at hand. */
  readonly tokensMax: number;
};

const backlog = 1000;
/** Late senders are looked for so often, or four times within the shortest time that they have. */
const checkMsMax = 1_000;

/** Listens. `close` stops reading, appends what was read, and closes every connection. */
export async function syslogListener(
  options: SyslogOptions,
): Promise<{ readonly address: AddressInfo; close(): Promise<void> }> {
  const { faults, logger } = options;
  const unfinished = new UnfinishedFrames(options.unfinishedBytesMax);
  const parts = { router: new FrameRouter(options), unfinished, faults, options };
  const unwritten = new Unwritten();
  const peers = new SyslogPeers(options);
  const open = new Map<SyslogConnection, Promise<void>>();

  const accept = (socket: Socket) => {
    const connection = new SyslogConnection(socket, parts, new SyslogWriter(options, unwritten));
    peers.enter(connection);
    syslogConnections.inc();
    const ended = connection.run().then(() => {
      peers.leave(connection);
      open.delete(connection);
      syslogConnections.dec();
    });
    open.set(connection, ended);
  };

  const server = createServer({ keepAlive: true, noDelay: true }, accept);
  server.listen({ host: options.host, port: options.port, backlog });
  await once(server, "listening");
  server.on("error", (error) => logger.error({ err: error }, "the syslog listener failed"));
  const checking = setInterval(
    () => {
      for (const connection of open.keys()) connection.checkPace();
    },
    Math.min(checkMsMax, options.firstTokenMs / 4, options.frameMsMax / 4),
  );

  let closing: Promise<void> | undefined;
  const closeAll = async () => {
    clearInterval(checking);
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const connection of open.keys()) connection.stop();
    await Promise.all(open.values());
    await closed;
  };
  return {
    address: server.address() as AddressInfo,
    close: () => (closing ??= closeAll()),
  };
}
