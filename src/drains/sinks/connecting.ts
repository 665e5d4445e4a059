/** Aspects of opening a connection that all sinks share: how long it may take, and the peer's certificate. */
import { isIP, type Socket } from "node:net";
import { type PeerCertificate, TLSSocket } from "node:tls";
import { startDeadline } from "../../deadline.ts";
import type { Clock } from "../../ports.ts";
import { shownAddress } from "../addresses.ts";
import type { Trace } from "../trace.ts";
import { type Certificate, certificateOf, describeCertificate } from "./certificate.ts";
import { type Awaited, isCertificateFailure } from "./explain.ts";

/** The certificates of a drain, in PEM. */
export type TlsParts = {
  /** Instead of the system's authorities. */
  readonly ca?: string;
  /** The client certificate to show. */
  readonly cert?: string;
  readonly key?: string;
};

/** The error for a wait in vain. */
export const timedOut = (awaited: Awaited, ms: number): Error =>
  Object.assign(new Error(`no ${awaited} within ${ms} ms`), { code: "TIMED_OUT", awaited, ms });

export type Watching = { readonly connectMsMax: number; readonly clock: Clock; readonly trace?: Trace };
type Watched = Watching & { readonly host: string };

/**
 * Calls `giveUp` when the connection, including TLS, is not open within `connectMsMax`, and `onSecure` with the peer's
 * certificate once TLS is.
 */
export function watchConnecting(
  socket: Socket,
  { connectMsMax, clock, trace, host }: Watched,
  giveUp: (failure: Error) => void,
  onSecure: (certificate: Certificate | undefined) => void,
): void {
  if (!socket.connecting) return;
  let awaited: Awaited = isIP(host) === 0 ? "address" : "connection";
  socket.once("lookup", () => {
    awaited = "connection";
  });
  const deadline = startDeadline(connectMsMax, () => giveUp(timedOut(awaited, connectMsMax)));
  socket.once(socket instanceof TLSSocket ? "secureConnect" : "connect", deadline.stop);
  socket.once("close", deadline.stop);
  if (trace !== undefined) traceConnecting(socket, trace, host);
  if (!(socket instanceof TLSSocket)) return;
  keepCertificate(socket);
  socket.once("connect", () => {
    awaited = "TLS handshake";
  });
  socket.once("secureConnect", () => {
    const certificate = certificateOf(socket.getPeerCertificate());
    onSecure(certificate);
    if (trace === undefined) return;
    const shown =
      certificate === undefined ? "no certificate" : describeCertificate(certificate, clock.nowMs());
    trace.note(`${socket.getProtocol()}, ${shown}`);
    trace.begin("send");
  });
}

function traceConnecting(socket: Socket, trace: Trace, host: string): void {
  socket.once("lookup", (failure: Error | null, address: string) => {
    if (failure !== null) return;
    trace.note(shownAddress(address, host));
    trace.begin("connect");
  });
  // Not `remoteAddress`, because a socket that was asked once gives the same answer when the connection is gone.
  let place = "";
  socket.on("connectionAttempt", (address, port) => {
    place = `${shownAddress(address, host)} port ${port}`;
  });
  socket.once("connect", () => {
    trace.note(place);
    trace.begin(socket instanceof TLSSocket ? "tls" : "send");
  });
}

// Node drops an invalid certificate with the connection, but the owner needs its names and dates.
function keepCertificate(socket: TLSSocket): void {
  let certificate: PeerCertificate | undefined;
  socket.prependOnceListener("secure", () => {
    certificate = socket.getPeerCertificate();
  });
  socket.prependListener("error", (failure: Error & { cert?: PeerCertificate }) => {
    if (certificate !== undefined && isCertificateFailure(failure)) failure.cert ??= certificate;
  });
}
