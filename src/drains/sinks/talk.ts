/**
 * Bounds what a peer may say that is only sent to. Some syslog receivers answer each line with a word or with the line
 * itself, so it may say as much as it was sent, and a little more; who says more keeps a core busy for nothing.
 */
import type { Socket } from "node:net";

/** Bytes that a peer may say beyond as many as it was sent. */
export const talkBytesMax = 65_536;

const code = "TALKS";

/** Reads all that the peer says and throws it away; destroys the socket with a failure when that is too much. */
export function boundTalk(socket: Socket): void {
  socket.on("data", () => {
    if (socket.bytesRead > talkBytesMax + socket.bytesWritten)
      socket.destroy(Object.assign(new Error("the peer says too much"), { code }));
  });
}

/** True of the failure of a connection that was closed for that. */
export const isTalk = (failure: unknown): boolean => (failure as { code?: unknown }).code === code;
