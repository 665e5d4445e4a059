/**
 * Syslog over TCP, `logplex.md` §5: octet-counted frames, the token in APPNAME says whose each one is. Nothing is ever
 * written back, so a sender learns of trouble by a socket that is not read. What was read is appended however
 * long the log refuses it; only the end of the process loses it, and then it is counted.
 */
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import type { Logger } from "pino";
import { droppedConnections, syslogConnections } from "../metrics.ts";
import type { Clock } from "../ports.ts";
import type { Lanes } from "./lanes.ts";
import { FrameRouter, type TokenLookup } from "./router.ts";
import { SyslogConnection } from "./syslog-connection.ts";

export type SyslogOptions = {
  readonly host: string;
  readonly port: number;
  readonly lanes: Pick<Lanes, "append">;
  readonly tokens: TokenLookup;
  readonly logger: Pick<Logger, "info" | "warn" | "error">;
  readonly clock: Clock;
  /** A longer frame closes its connection. */
  readonly frameBytesMax: number;
  /** The lanes' own bound of a batch: more lines than that are handed over one batch after the other. */
  readonly batchBytesMax: number;
  /** One more is closed at once. */
  readonly connectionsMax: number;
  /** Read from a connection and not yet durable: beyond it the socket is not read. */
  readonly connectionBytesMax: number;
  /** A connection on which nothing arrived for so long is closed. */
  readonly connectionIdleMs: number;
  /** Tokens whose records are kept at hand. */
  readonly tokensMax: number;
};

const backlog = 1000;

/** Listens. `close` stops reading, appends what was read, and closes every connection. */
export async function syslogListener(
  options: SyslogOptions,
): Promise<{ readonly address: AddressInfo; close(): Promise<void> }> {
  const { logger } = options;
  const router = new FrameRouter(options);
  const open = new Map<SyslogConnection, Promise<void>>();
  const server = createServer({ keepAlive: true, noDelay: true }, (socket) => accept(socket));
  server.maxConnections = options.connectionsMax;
  server.on("drop", () => {
    droppedConnections.inc({ reason: "too_many" });
    logger.warn(
      { connectionsMax: options.connectionsMax },
      "a syslog connection was closed: there are too many",
    );
  });

  const accept = (socket: Socket) => {
    const connection = new SyslogConnection(socket, router, options);
    syslogConnections.inc();
    const ended = connection.run().then(() => {
      open.delete(connection);
      syslogConnections.dec();
    });
    open.set(connection, ended);
  };

  server.listen({ host: options.host, port: options.port, backlog });
  await once(server, "listening");
  server.on("error", (error) => logger.error({ err: error }, "the syslog listener failed"));

  let closing: Promise<void> | undefined;
  const closeAll = async () => {
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
