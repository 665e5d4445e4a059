/** What every sink knows of opening a connection: how long it may take, and what became of the peer's certificate. */
import type { Socket } from "node:net";
import { type PeerCertificate, TLSSocket } from "node:tls";
import { isCertificateFailure } from "./explain.ts";

/** The certificates of a drain, PEM. */
export type TlsParts = {
  /** Instead of the system's authorities. */
  readonly ca?: string;
  /** What the client shows of itself. */
  readonly cert?: string;
  readonly key?: string;
};

/** For a wait that ended in vain; `awaited` is its object, in words. */
export const timedOut = (awaited: string, ms: number): Error =>
  Object.assign(new Error(`no ${awaited} within ${ms} ms`), { code: "TIMED_OUT", awaited, ms });

/** Calls `giveUp` when the connection, TLS included, does not stand within `connectMsMax`. */
export function watchConnecting(
  socket: Socket,
  connectMsMax: number,
  giveUp: (failure: Error) => void,
): void {
  if (!socket.connecting) return;
  const timer = setTimeout(() => giveUp(timedOut("connection", connectMsMax)), connectMsMax);
  const stop = () => clearTimeout(timer);
  socket.once(socket instanceof TLSSocket ? "secureConnect" : "connect", stop);
  socket.once("close", stop);
  if (socket instanceof TLSSocket) keepCertificate(socket);
}

// Node drops the certificate with the connection when it does not hold; the owner needs its names and dates.
function keepCertificate(socket: TLSSocket): void {
  let certificate: PeerCertificate | undefined;
  socket.prependOnceListener("secure", () => {
    certificate = socket.getPeerCertificate();
  });
  socket.prependListener("error", (failure: Error & { cert?: PeerCertificate }) => {
    if (certificate !== undefined && isCertificateFailure(failure)) failure.cert ??= certificate;
  });
}
