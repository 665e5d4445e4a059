/**
 * The few headers of a direct answer that are needed. The client library parses and checks all headers, which costs
 * more than the message; here they are looked up in the bytes.
 */
import type { Msg } from "nats";

/** `isBatch`: the answer gives the number of messages that follow, and `before` as the message before it. */
type DirectHead =
  | { readonly code: number }
  | { readonly code: 0; readonly sequence: number; readonly isBatch: boolean; readonly before: number };

/** Internals of the library's message; where they differ, the parsed headers are used. */
type Raw = { readonly _rdata?: Uint8Array; readonly _msg?: { readonly hdr?: number } };

const statusLine = "NATS/1.0\r\n";

export function directHead(msg: Msg): DirectHead {
  const { _rdata: bytes, _msg: { hdr: length = 0 } = {} } = msg as Raw;
  const text =
    bytes === undefined || length <= 0
      ? ""
      : Buffer.from(bytes.buffer, bytes.byteOffset, length).toString("latin1");
  if (!text.startsWith(statusLine)) return parsedHead(msg);
  const pending = numberOf(text, "\r\nNats-Num-Pending: ");
  return {
    code: 0,
    sequence: numberOf(text, "\r\nNats-Sequence: ") ?? 0,
    isBatch: pending !== undefined,
    before: numberOf(text, "\r\nNats-Last-Sequence: ") ?? 0,
  };
}

// The publisher's own headers come first, so the last one of that name is the server's.
function numberOf(text: string, name: string): number | undefined {
  const at = text.lastIndexOf(name);
  if (at < 0) return undefined;
  const start = at + name.length;
  return Number(text.slice(start, text.indexOf("\r\n", start)));
}

function parsedHead({ headers }: Msg): DirectHead {
  const code = headers?.code ?? 0;
  if (headers === undefined || code !== 0) return { code: headers === undefined ? 503 : code };
  return {
    code: 0,
    sequence: Number(headers.get("Nats-Sequence")),
    isBatch: headers.has("Nats-Num-Pending"),
    before: Number(headers.get("Nats-Last-Sequence")),
  };
}
