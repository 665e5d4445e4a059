/** Recognises clients of another protocol that have come to the wrong port. */
export type ForeignProtocol = "tls" | "http";

const handshake = 0x16;
const versionMajor = 0x03;
const httpForm = /^[A-Z]{3,7} \S{1,200} HTTP\/\d/;
const lookedBytesMax = 220;

/**
 * The protocol of a stream's first bytes, if it is not syslog. `end` is the end of the first line, or -1 if it has
 * not arrived.
 */
export function foreignProtocol(bytes: Uint8Array, start: number, end: number): ForeignProtocol | undefined {
  if (bytes[start] === handshake && bytes[start + 1] === versionMajor) return "tls";
  if (end === -1) return undefined;
  const line = Buffer.from(bytes.subarray(start, Math.min(end, start + lookedBytesMax))).toString("latin1");
  return httpForm.test(line) ? "http" : undefined;
}
