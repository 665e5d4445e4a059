/**
 * Bounds what a syslog receiver may send back. Some answer each line with a word or with the line itself, so a receiver
 * may send as much as it was sent, and a little more; one that sends more would keep a core busy for nothing.
 */
import type { Socket } from "node:net";

/** Bytes that a peer may send beyond what it was sent. */
export const talkBytesMax = 65_536;

const code = "TALKS";

/** Reads everything that the peer sends and drops it; destroys the socket with a failure if that is too much. */
export function boundTalk(socket: Socket): void {
  socket.on("data", () => {
    if (socket.bytesRead > talkBytesMax + socket.bytesWritten) socket.destroy(talks());
  });
}

/** Bytes that a peer may send for TLS itself, beyond the share of its data: handshake, certificates, tickets. */
export const noiseBytesMax = 65_536;
/** A one-byte record has about this many bytes around it, rounded up. */
const noiseOfByteMax = 32;
const noiseEveryMs = 2_000;

/**
 * Destroys a TLS connection whose peer endlessly sends records without data (new keys, tickets): they cost work as they
 * arrive, and no `data` event shows them.
 */
export function boundNoise(socket: Socket): void {
  const timer = setInterval(() => {
    if (wireBytesRead(socket) - socket.bytesRead > noiseBytesMax + noiseOfByteMax * socket.bytesRead)
      socket.destroy(talks());
  }, noiseEveryMs).unref();
  socket.once("close", () => clearInterval(timer));
}

/** Bytes that came over the wire. Node counts only those of TLS; the TCP handle is below the TLS one. */
export function wireBytesRead(socket: Socket): number {
  type Handle = { readonly _parent?: { readonly bytesRead?: number } };
  const { _handle: handle } = socket as Socket & { readonly _handle?: Handle | null };
  return handle?._parent?.bytesRead ?? socket.bytesRead;
}

const talks = (): Error => Object.assign(new Error("the peer says too much"), { code });

/** True if a connection was closed for this. */
export const isTalk = (failure: unknown): boolean => (failure as { code?: unknown }).code === code;
