/** The parts that `ConnectionReads` needs from its surroundings. */
import type { IncomingMessage } from "node:http";
import type { TurnLine, Turns } from "../turns.ts";
import type { RequestBytesParts } from "./request-bytes.ts";

/** Parts that the reads of all connections of a server have in common. */
export type ReadsParts = {
  readonly turns: Turns;
  /** Those with something to parse: as many go on in a turn as it has time for. */
  readonly line: TurnLine;
  readonly isOwn: RequestBytesParts["isOwn"];
  /** For the rest of a body that nobody wants. */
  readonly dropMsMax: number;
  /** Bytes of reads that wait for a turn, and the most of all connections: what is read beyond is parsed at once. */
  waitingBytes: number;
  readonly freeBytesMax: number;
};

/** The insides of an HTTP server's socket: its parser, and the handle that is told to read. */
export type Parsing = {
  readonly parser?: { onIncoming: (request: IncomingMessage, keepAlive: boolean) => number } | null;
  readonly _handle?: { reading: boolean; readStart: () => number } | null;
  /** Node stopped reading, since an answer is not taken. */
  readonly _paused?: boolean;
};
