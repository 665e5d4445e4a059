/**
 * Syslog drains over TCP and TLS, docs/spec/wire-out.md#d4-1 and on. Syslog has no acknowledgement: a parcel counts as delivered
 * when its bytes were flushed and the connection stood for two round trips more, which is when a peer that had closed
 * it would have reset it; the first one over a connection waits a little longer. A connection that breaks later, but
 * soon, brings what was sent last into doubt, and that is sent again first. What remains possible is in `docs/drains.md`.
 */
import { isIP } from "node:net";
import type { Parcel, Sink } from "../../ports.ts";
import type { SyslogDestination } from "../destination.ts";
import { expiring } from "./certificate.ts";
import type { TlsParts } from "./connecting.ts";
import { explainFailure, failureVerdict } from "./explain.ts";
import { strictFrames } from "./formats/rfc5424.ts";
import type { SinkLimits } from "./https.ts";
import { nameOf } from "./place.ts";
import { SyslogConnection } from "./syslog-connection.ts";
import { isTalk } from "./talk.ts";

export type SyslogSinkOptions = SinkLimits &
  TlsParts & {
    readonly destination: SyslogDestination;
    readonly drainToken: string;
    /** Is told why when what was delivered lately may not have arrived. */
    readonly onDoubt: (reason: string) => void;
  };

/** A connection that breaks so long after its last write says nothing of that. */
const doubtMsMax = 30_000;

/** A sink for one drain. */
export function syslogSink(options: SyslogSinkOptions): Sink {
  const { destination, clock, attemptMsMax, drainToken, onDoubt, trace } = options;
  let connection: SyslogConnection | undefined;
  let writtenAtMs = Number.NEGATIVE_INFINITY;

  // True when what was written last is in doubt now.
  const onBreak = (failure: unknown): boolean => {
    const isDoubtful = clock.monotonicMs() - writtenAtMs <= doubtMsMax;
    writtenAtMs = Number.NEGATIVE_INFINITY;
    if (isDoubtful) onDoubt(brokenSoon(failure, destination));
    return isDoubtful;
  };

  // False when the connection stood idle before and is gone: that may be its age alone, and a fresh one may do.
  const attempt = async (bytes: Uint8Array, signal: AbortSignal): Promise<boolean> => {
    const isReused = connection?.isOpen === true;
    try {
      if (!isReused) connection = await SyslogConnection.open(options, signal);
      const open = connection!;
      open.onBreak = onBreak;
      if ((await open.write(bytes, attemptMsMax, signal)) === "ended") {
        connection = undefined;
        void open.close();
        // Who ends a fresh connection, and does not reset it, has read what came; one that stood may be ended for its age.
        if (isReused) return false;
      }
      writtenAtMs = clock.monotonicMs();
      return true;
    } catch (failure) {
      connection?.destroy();
      connection = undefined;
      if (signal.aborted || !isReused) throw failure;
      // What was flushed before this may have been on its way still; then that goes first.
      if (onBreak(failure) || !isReset(failure)) throw failure;
      return false;
    }
  };

  return {
    async deliver(parcel: Parcel, signal) {
      signal.throwIfAborted();
      const bytes = strictFrames(parcel.slices, { hostname: drainToken, endsLines: true });
      try {
        trace?.begin(isIP(destination.host) === 0 ? "resolve" : "connect");
        if (!(await attempt(bytes, signal))) await attempt(bytes, signal);
        trace?.note(`${bytes.length} bytes, and the connection stood`);
        const shown = destination.verifies ? connection?.certificate : undefined;
        const ending = expiring(shown, destination, clock.nowMs());
        return ending === undefined ? { kind: "delivered" } : { kind: "delivered", expiring: ending };
      } catch (failure) {
        signal.throwIfAborted();
        return failureVerdict(failure, destination, options);
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

const brokenSoon = (failure: unknown, destination: SyslogDestination): string =>
  isTalk(failure)
    ? `${explainFailure(failure, destination)}; lines that were just sent are sent again`
    : `${nameOf(destination)} broke the connection soon after lines were sent, so these are sent again: does it restart, or not take octet-counted frames (RFC 6587)?`;
