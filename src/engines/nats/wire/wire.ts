/** The engine's whole demand on its connection: messages out, messages in. Tests have one without a server. */
import type { Msg, MsgHdrs } from "nats";

export type PublishOptions = {
  /** The subject that answers go to. */
  readonly reply?: string;
  readonly headers?: MsgHdrs;
};

/** A message that is published in pieces. They stay as they are until its answer has come or nobody waits for it. */
export type InPieces = {
  readonly subject: string;
  /** The subject that answers go to. */
  readonly reply: string;
  /** Lines of a name, a colon, a space and a value, in ASCII, each with its end. */
  readonly headers: string;
  readonly payload: readonly Uint8Array[];
};

export interface Wire {
  readonly connected: boolean;
  /** Bytes that one message may weigh on this server, headers included. */
  readonly payloadBytesMax: number;
  /** Throws when the connection is closed. What is published while it is broken may be lost. */
  publish(subject: string, payload?: Uint8Array | string, options?: PublishOptions): void;
  /** The same of what lies in pieces, which are not copied where that can be helped. */
  publishPieces(message: InPieces): void;
  /** Hands over what comes on the subject, `*` and `>` allowed, until the result is called. */
  subscribe(subject: string, take: (msg: Msg) => void): () => void;
  /** One question, one answer. Rejects with what NATS says: no answer in time, nobody there, closed. */
  request(subject: string, payload: Uint8Array | string, timeoutMs: number): Promise<Msg>;
  /** Calls `listener` after each return of the connection; the result takes it back. */
  onReconnect(listener: () => void): () => void;
}
