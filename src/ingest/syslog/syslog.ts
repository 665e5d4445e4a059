/**
 * Syslog over TCP and TLS, docs/spec/wire-in.md#w5-1: counted frames and lines, each with a token that says which app
 * it belongs to. Nothing is ever written back, so all that a sender notices of trouble is that its socket is not
 * read. Lines that were read are retried for as long as the log refuses them; they are lost only when the process
 * ends, and then they are counted.
 */
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { Logger } from "pino";
import type { Clock } from "../../ports.ts";
import { Bursts } from "../connections/bursts.ts";
import type { ConnectionParts } from "../connections/frame-connection.ts";
import {
  type StreamConnection,
  type StreamListener,
  streamListener,
} from "../connections/stream-listener.ts";
import { SyslogPeers } from "../connections/syslog-peers.ts";
import type { TlsFiles } from "../connections/tls-handshakes.ts";
import { UnfinishedFrames } from "../connections/unfinished-frames.ts";
import type { AppendQueues } from "../queues/append-queues.ts";
import { FrameRouter, type Loops, type TokenLookup } from "../routing/router.ts";
import type { SenderFaults } from "../senders/sender-faults.ts";
import type { Door, Senders } from "../senders/senders.ts";
import type { ClientTokens } from "./client-tokens.ts";
import { SyslogConnection } from "./syslog-connection.ts";
import { SyslogWriter } from "./syslog-writer.ts";

export type SyslogOptions = {
  readonly host: string;
  readonly port: number;
  readonly queues: Pick<AppendQueues, "append" | "stream" | "stopRetrying" | "budget" | "rooms">;
  readonly tokens: TokenLookup;
  readonly loops: Loops;
  readonly faults: Pick<SenderFaults, "note">;
  readonly logger: Pick<Logger, "info" | "warn" | "error">;
  readonly clock: Clock;
  /** A longer frame closes its connection. */
  readonly frameBytesMax: number;
  /** Connections in all, and from one address. */
  readonly connectionsMax: number;
  readonly addressConnectionsMax: number;
  /** Lines of a connection that are not durable yet; at this bound its socket is not read. */
  readonly connectionBytesMax: number;
  /** Memory of unfinished frames, of all connections together. */
  readonly unfinishedBytesMax: number;
  /** From the connection to the first frame with a known token. */
  readonly firstTokenMs: number;
  /** From the first byte of a frame to its last. */
  readonly frameMsMax: number;
  /** A connection is closed after this long without data. */
  readonly connectionIdleMs: number;
  /** Tokens whose records are kept in memory. */
  readonly tokensMax: number;
  /** For frames that name no token. */
  readonly defaultToken?: string | undefined;
  /** Tokens of clients by their certificates. */
  readonly clientTokens?: Pick<ClientTokens, "of"> | undefined;
  readonly senders?: Pick<Senders, "heard"> | undefined;
};

/** How often to look for slow senders; more often when their time limits are short. */
const checkMsMax = 1_000;

/** Bounds and memory that all doors of syslog share. */
export type SyslogRoom = {
  readonly peers: SyslogPeers;
  readonly unfinished: UnfinishedFrames;
  readonly bursts: Bursts;
  readonly router: FrameRouter;
};

export const syslogRoom = (options: SyslogOptions): SyslogRoom => ({
  peers: new SyslogPeers(options),
  unfinished: new UnfinishedFrames(options.unfinishedBytesMax),
  bursts: new Bursts({ waitingBytes: () => options.queues.budget.bytes, clock: options.clock }),
  router: new FrameRouter(options),
});

/** The token for frames that name none: by the client's certificate, otherwise the listener's default. */
const fallbackOf =
  ({ clientTokens, defaultToken }: Pick<SyslogOptions, "clientTokens" | "defaultToken">) =>
  (socket: Socket): string | undefined =>
    (socket instanceof TLSSocket ? clientTokens?.of(socket.getPeerCertificate()) : undefined) ?? defaultToken;

/** `close` stops reading, stores what was read, and closes every connection. */
export function syslogListener(
  options: SyslogOptions & { readonly tls?: TlsFiles | undefined },
  room: SyslogRoom = syslogRoom(options),
): Promise<StreamListener> {
  const door: Door = options.tls === undefined ? "syslog" : "syslog-tls";
  return doorListener(
    door,
    options,
    room,
    (socket, parts) => new SyslogConnection(socket, parts, new SyslogWriter(options)),
  );
}

/**
 * Opens a listener for a protocol over streams. Its connections are made of the same parts, whichever protocol they
 * speak.
 */
export function doorListener<Options extends SyslogOptions & { readonly tls?: TlsFiles | undefined }>(
  door: Door,
  options: Options,
  room: SyslogRoom,
  open: (socket: Socket, parts: ConnectionParts<Options>) => StreamConnection,
): Promise<StreamListener> {
  const { faults, senders } = options;
  const heard: ConnectionParts<Options>["heard"] = (address, framing, frames) => {
    const sender = senders?.heard(address, door);
    if (sender !== undefined) Object.assign(sender, { framing, frames: sender.frames + frames });
  };
  const parts = { ...room, faults, options, fallbackOf: fallbackOf(options), heard };
  return streamListener({
    ...options,
    peers: room.peers,
    noteHandshake: (address, cause) => faults.note(address, cause),
    checkMs: checkMsOf(options),
    handshakeMsMax: options.firstTokenMs,
    answers: door === "relp",
    open: (socket) => open(socket, parts),
  });
}

const checkMsOf = ({
  firstTokenMs,
  frameMsMax,
}: Pick<SyslogOptions, "firstTokenMs" | "frameMsMax">): number =>
  Math.min(checkMsMax, firstTokenMs / 4, frameMsMax / 4);
