/** Opens the connection of a sink: a checked address, TLS with the peer's name (SNI), within a time bound. */
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { type AddressPolicy, atPort, checkedLookup, checkLiteral, type Resolve } from "../addresses.ts";
import type { Certificate } from "./certificate.ts";
import { type TlsParts, type Watching, watchConnecting } from "./connecting.ts";
import type { Endpoint } from "./endpoint.ts";
import { RoundTrips } from "./round-trips.ts";
import { boundNoise } from "./talk.ts";

/** How long a connection is idle before it is probed. */
const keepAliveMs = 30_000;
/**
 * Per connection: with TLS 1.2 a server can ask for more (some do, for a client certificate), and each one is CPU work.
 */
const handshakesMax = 4;

const roundTrips = new RoundTrips();

export type Opening = Watching &
  TlsParts & {
    readonly policy: AddressPolicy;
    readonly resolve: Resolve;
  };

/** An open connection. */
export type OpenSocket = {
  readonly socket: Socket;
  /** The peer's certificate, over TLS. */
  readonly certificate: Certificate | undefined;
  /** An upper bound: the time of the TCP handshake, or of an earlier, shorter one. */
  readonly roundTripMs: number;
};

type OpenDestination = Required<Pick<Endpoint, "host" | "port" | "secure">> & {
  /** False: any certificate is accepted. */
  readonly verifies: boolean;
};

/**
 * Resolves when the connection is open and its peer's certificate is checked. Rejects with the failure, or with the
 * reason of `signal`. `isHalfOpen`: the peer's end does not end this side.
 */
export async function openSocket(
  destination: OpenDestination,
  options: Opening,
  signal: AbortSignal,
  { isHalfOpen = false } = {},
): Promise<OpenSocket> {
  signal.throwIfAborted();
  checkLiteral(destination.host, atPort(options.policy, destination.port));
  const socket = connect(destination, options, isHalfOpen);
  socket.setKeepAlive(true, keepAliveMs);
  socket.setNoDelay(true);
  let startedAtMs = 0;
  let address = "";
  let roundTripMs = 0;
  let certificate: Certificate | undefined;
  // Not `remoteAddress`, because a socket that was asked once gives the same answer when the connection is gone.
  socket.on("connectionAttempt", (tried) => {
    address = tried;
    startedAtMs = performance.now();
  });
  socket.once("connect", () => {
    roundTripMs = roundTrips.seen(address, performance.now() - startedAtMs);
  });
  return new Promise((resolve, reject) => {
    const abort = () => socket.destroy(signal.reason);
    const settle = () => {
      signal.removeEventListener("abort", abort);
      socket.off("error", fail);
    };
    const fail = (failure: Error) => {
      settle();
      socket.on("error", () => {}); // the failure that matters is reported elsewhere
      reject(failure);
    };
    signal.addEventListener("abort", abort, { once: true });
    socket.on("error", fail);
    watchConnecting(
      socket,
      { ...options, host: destination.host },
      (failure) => socket.destroy(failure),
      (shown) => {
        certificate = shown;
      },
    );
    let handshakes = 0;
    socket.on(destination.secure ? "secureConnect" : "connect", () => {
      if (++handshakes > handshakesMax) socket.destroy(tooManyHandshakes());
      if (handshakes > 1) return;
      settle();
      if (destination.secure) boundNoise(socket);
      resolve({ socket, certificate, roundTripMs });
    });
  });
}

const tooManyHandshakes = (): Error =>
  Object.assign(new Error(`more than ${handshakesMax} TLS handshakes`), { code: "HANDSHAKES" });

function connect(
  { host, port, secure, verifies }: OpenDestination,
  { policy, resolve, ca, cert, key }: Opening,
  isHalfOpen: boolean,
): Socket {
  const endpoint = {
    host,
    port,
    lookup: checkedLookup(atPort(policy, port), resolve),
    allowHalfOpen: isHalfOpen,
  };
  if (!secure) return connectTcp(endpoint);
  return connectTls({
    ...endpoint,
    ...(isIP(host) === 0 && { servername: serverName(host) }),
    minVersion: "TLSv1.2", // regardless of Node's own minimum, which its environment can change
    rejectUnauthorized: verifies,
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  });
}

/** The name for SNI (RFC 6066 §3), which has no trailing dot. */
const serverName = (host: string): string => host.replace(/\.$/, "");
