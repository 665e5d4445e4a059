/** Recognises the protocol of a client that has come to the wrong port. */
export type ForeignProtocol = "tls" | "http";

const handshake = 0x16;
const versionMajor = 0x03;
const httpForm = /^[A-Z]{3,7} \S{1,200} HTTP\/\d/;
const lookedBytesMax = 220;

/** The language of a stream's first bytes, if not syslog; `end` is that of their first line, -1: it has none yet. */
export function foreignProtocol(bytes: Uint8Array, start: number, end: number): ForeignProtocol | undefined {
  if (bytes[start] === handshake && bytes[start + 1] === versionMajor) return "tls";
  if (end === -1) return undefined;
  const line = Buffer.from(bytes.subarray(start, Math.min(end, start + lookedBytesMax))).toString("latin1");
  return httpForm.test(line) ? "http" : undefined;
}
