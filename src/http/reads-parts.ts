/** The surroundings of `ConnectionReads`. */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { TurnLine } from "../turn-line.ts";
import type { Turns } from "../turns.ts";
import type { OwnBody } from "./own-body.ts";
import type { FoundHead, RepeatedHeads } from "./repeated-heads.ts";
import type { RepeatedAnswer } from "./repeated-request.ts";
import type { RequestBytesParts } from "./request-bytes.ts";

/** Shared by the reads of all connections of a server. */
export type ReadsParts = {
  readonly turns: Turns;
  /** Connections with something to parse; as many continue in a turn as it has time for. */
  readonly line: TurnLine;
  readonly isOwn: RequestBytesParts["isOwn"];
  readonly heads: RepeatedHeads;
  /** Begins the request of a head that was read before; returns its answer. */
  readonly repeat: (head: FoundHead, body: OwnBody, socket: Socket) => RepeatedAnswer;
  /** Requests of one connection, including the one that is being answered. */
  readonly requestsMax: number;
  /** For the rest of a body that nobody wants. */
  readonly dropMsMax: number;
  /**
   * Bytes of reads that wait for a turn, and their bound over all connections. Reads beyond it are parsed at once.
   */
  waitingBytes: number;
  readonly waitingBytesMax: number;
};

/** Internals of an HTTP server's socket: its parser, and the handle that starts reading. */
export type Parsing = {
  readonly parser?: { onIncoming: (request: IncomingMessage, keepAlive: boolean) => number } | null;
  readonly _handle?: { reading: boolean; readStart: () => number; readStop: () => number } | null;
  /** The answer that Node is writing or will write next. */
  readonly _httpMessage?: unknown;
  /** Set when Node stopped reading because an answer is not being read. */
  readonly _paused?: boolean;
};
