/**
 * Bounds what a syslog receiver may send back. Some answer each line with a word or with the line itself, so a receiver
 * may send as much as it was sent, and a little more; one that sends more keeps a core busy for nothing.
 */
import type { Socket } from "node:net";

/** Bytes that a peer may say beyond as many as it was sent. */
export const talkBytesMax = 65_536;

const code = "TALKS";

/** Reads all that the peer says and throws it away; destroys the socket with a failure when that is too much. */
export function boundTalk(socket: Socket): void {
  socket.on("data", () => {
    if (socket.bytesRead > talkBytesMax + socket.bytesWritten) socket.destroy(talks());
  });
}

/** Bytes of TLS itself that a peer may send beyond its share of what it says: handshake, certificates, tickets. */
export const noiseBytesMax = 65_536;
/** A record of one byte has so many bytes around it, and a few more. */
const noiseOfByteMax = 32;
const noiseEveryMs = 2_000;

/**
 * Destroys a TLS connection whose peer sends records that say nothing (new keys, tickets) without end: they are worked on
 * as they come, and no `data` tells of them.
 */
export function boundNoise(socket: Socket): void {
  const timer = setInterval(() => {
    if (wireBytesRead(socket) - socket.bytesRead > noiseBytesMax + noiseOfByteMax * socket.bytesRead)
      socket.destroy(talks());
  }, noiseEveryMs).unref();
  socket.once("close", () => clearInterval(timer));
}

/** Bytes that came over the wire. Node shows those of TLS alone; the handle of TCP lies below that of TLS. */
export function wireBytesRead(socket: Socket): number {
  type Handle = { readonly _parent?: { readonly bytesRead?: number } };
  const { _handle: handle } = socket as Socket & { readonly _handle?: Handle | null };
  return handle?._parent?.bytesRead ?? socket.bytesRead;
}

const talks = (): Error => Object.assign(new Error("the peer says too much"), { code });

/** True of the failure of a connection that was closed for that. */
export const isTalk = (failure: unknown): boolean => (failure as { code?: unknown }).code === code;
