/**
 * Syslog drains over TCP and TLS, `logplex.md` §8 and §9. Syslog has no acknowledgement: a parcel counts as delivered
 * when its bytes were flushed and the connection stood for two round trips more, which is when a peer that had closed
 * it would have reset it. A connection that breaks later, but soon, brings its last parcel into doubt, and that is
 * sent again first. What remains possible is in `docs/drains.md`.
 */
import type { Parcel, Sink } from "../../ports.ts";
import { checkLiteral } from "../addresses.ts";
import type { SyslogDestination } from "../destination.ts";
import type { TlsParts } from "./connecting.ts";
import type { Doubts } from "./doubts.ts";
import { failureVerdict } from "./explain.ts";
import { strictFrames } from "./formats/rfc5424.ts";
import type { SinkLimits } from "./https.ts";
import { SyslogConnection } from "./syslog-connection.ts";

export type SyslogSinkOptions = SinkLimits &
  TlsParts & {
    readonly destination: SyslogDestination;
    readonly drainToken: string;
    readonly doubts: Doubts;
  };

/** A connection that breaks so long after a write says nothing of that write. */
const doubtMsMax = 30_000;

/** A sink for one drain. */
export function syslogSink(options: SyslogSinkOptions): Sink {
  const { destination, policy, clock, attemptMsMax, drainToken, doubts } = options;
  let connection: SyslogConnection | undefined;
  let last: { readonly bytes: Uint8Array; readonly atMs: number } | undefined;

  const onBreak = () => {
    if (last !== undefined && clock.nowMs() - last.atMs <= doubtMsMax) doubts.keep(drainToken, last.bytes);
    last = undefined;
  };

  // True when the connection is one that stood idle: its failure may be its age alone.
  const attempt = async (bytes: Uint8Array, signal: AbortSignal): Promise<boolean> => {
    const isReused = connection?.isOpen === true;
    try {
      if (!isReused) connection = await SyslogConnection.open(options, signal);
      const open = connection!;
      open.onBreak = onBreak;
      const doubtful = doubts.of(drainToken);
      await open.write(doubtful === undefined ? [bytes] : [doubtful, bytes], attemptMsMax, signal);
      doubts.settle(drainToken);
      last = { bytes, atMs: clock.nowMs() };
      return true;
    } catch (failure) {
      connection?.destroy();
      connection = undefined;
      if (signal.aborted || !isReused) throw failure;
      onBreak(); // what was flushed before this may have been on its way still
      if (isReset(failure)) return false;
      throw failure;
    }
  };

  return {
    async deliver(parcel: Parcel, signal) {
      signal.throwIfAborted();
      const bytes = strictFrames(parcel.slices, { hostname: drainToken, endsLines: true });
      try {
        checkLiteral(destination.host, policy);
        if (!(await attempt(bytes, signal))) await attempt(bytes, signal);
        return { kind: "delivered" };
      } catch (failure) {
        signal.throwIfAborted();
        return failureVerdict(failure, destination);
      }
    },
    async close() {
      const closing = connection;
      connection = undefined;
      await closing?.close();
    },
  };
}

const isReset = (failure: unknown): boolean =>
  ["ECONNRESET", "EPIPE"].includes((failure as NodeJS.ErrnoException).code ?? "");
