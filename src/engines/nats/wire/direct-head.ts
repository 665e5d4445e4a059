/**
 * The few headers of a direct answer that matter. The client's library parses all of them, and checks each, which costs more
 * than the message: here they are looked up in the bytes that came.
 */
import type { Msg } from "nats";

/** `isBatch`: the answer says how many follow it, and that `before` is the message before it. */
type DirectHead =
  | { readonly code: number }
  | { readonly code: 0; readonly sequence: number; readonly isBatch: boolean; readonly before: number };

/** Fields of the library's message; where it has others, its parsed headers do. */
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

// A header that the publisher named so stands before those that the server adds.
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
