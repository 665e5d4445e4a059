/** All that the engine needs of a connection: sending and receiving messages. Tests have one without a server. */
import type { Msg, MsgHdrs } from "nats";

export type PublishOptions = {
  /** The subject for answers. */
  readonly reply?: string;
  readonly headers?: MsgHdrs;
};

/** A message in pieces, which must not change until its answer has come or nobody waits for it. */
export type InPieces = {
  readonly subject: string;
  /** The subject for answers. */
  readonly reply: string;
  /** Header lines in ASCII: a name, a colon, a space and a value, each line with its end. */
  readonly headers: string;
  readonly payload: readonly Uint8Array[];
};

export interface Wire {
  readonly connected: boolean;
  /** The largest message that this server accepts, headers included. */
  readonly payloadBytesMax: number;
  /** Throws when the connection is closed. Messages that are published while it is down may be lost. */
  publish(subject: string, payload?: Uint8Array | string, options?: PublishOptions): void;
  /** The same for a message in pieces, which are not copied if that can be avoided. */
  publishPieces(message: InPieces): void;
  /** Passes on what arrives on the subject (`*` and `>` are allowed) until the returned function is called. */
  subscribe(subject: string, take: (msg: Msg) => void): () => void;
  /** One question, one answer. Rejects with NATS's own error: no answer in time, nobody listening, closed. */
  request(subject: string, payload: Uint8Array | string, timeoutMs: number): Promise<Msg>;
  /** Calls `listener` after each reconnect, until the returned function is called. */
  onReconnect(listener: () => void): () => void;
}
