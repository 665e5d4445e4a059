/**
 * Syslog drains over TCP and TLS, `logplex.md` §8 and §9. Syslog has no acknowledgement: a parcel counts as delivered
 * when its bytes were flushed and the connection stood for two round trips more, which is when a peer that had closed
 * it would have reset it; the first one over a connection waits a little longer. A connection that breaks later, but
 * soon, brings what was sent last into doubt, and that is sent again first. What remains possible is in `docs/drains.md`.
 */
import { isIP } from "node:net";
import type { Parcel, Sink } from "../../ports.ts";
import { checkLiteral } from "../addresses.ts";
import type { SyslogDestination } from "../destination.ts";
import { expiring } from "./certificate.ts";
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

/** A connection that breaks so long after its last write says nothing of that. */
const doubtMsMax = 30_000;
/** Those before the last are in doubt with it when they were written so shortly before, as far as there is room. */
const recentMsMax = 1_000;
const recentBytesMax = 1024 * 1024;

/** A sink for one drain. */
export function syslogSink(options: SyslogSinkOptions): Sink {
  const { destination, policy, clock, attemptMsMax, drainToken, doubts, trace } = options;
  let connection: SyslogConnection | undefined;
  const recent = new RecentWrites();

  const onBreak = () => {
    const bytes = recent.take(clock.nowMs());
    if (bytes !== undefined) doubts.keep(drainToken, bytes);
  };

  // False when the connection stood idle before and is gone: that may be its age alone, and a fresh one may do.
  const attempt = async (bytes: Uint8Array, signal: AbortSignal): Promise<boolean> => {
    const isReused = connection?.isOpen === true;
    try {
      if (!isReused) connection = await SyslogConnection.open(options, signal);
      const open = connection!;
      open.onBreak = onBreak;
      const doubtful = doubts.of(drainToken);
      const chunks = [...doubtful, bytes];
      if ((await open.write(chunks, attemptMsMax, signal)) === "ended") {
        connection = undefined;
        void open.close();
        // Who ends a fresh connection, and does not reset it, has read what came; one that stood may be ended for its age.
        if (isReused) return false;
      }
      doubts.settle(drainToken, doubtful);
      recent.add(chunks, clock.nowMs());
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
        trace?.begin(isIP(destination.host) === 0 ? "resolve" : "connect");
        checkLiteral(destination.host, policy);
        if (!(await attempt(bytes, signal))) await attempt(bytes, signal);
        trace?.note(`${bytes.length} bytes, and the connection stood`);
        const shown = destination.verifies ? connection?.certificate : undefined;
        const ending = expiring(shown, destination, clock.nowMs());
        return ending === undefined ? { kind: "delivered" } : { kind: "delivered", expiring: ending };
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

/** What was written lately; bounded, whatever is sent again and again. */
class RecentWrites {
  readonly #writes: { readonly bytes: Uint8Array; readonly atMs: number }[] = [];
  #bytes = 0;

  add(chunks: readonly Uint8Array[], nowMs: number): void {
    for (const bytes of chunks) {
      this.#writes.push({ bytes, atMs: nowMs });
      this.#bytes += bytes.length;
    }
    while (this.#writes.length > 1 && (this.#bytes > recentBytesMax || this.#isOld(nowMs))) {
      this.#bytes -= this.#writes.shift()!.bytes.length;
    }
  }

  /** All of it, unless it is too old to be in doubt; nothing from then on. */
  take(nowMs: number): Uint8Array | undefined {
    const writes = this.#writes.splice(0);
    this.#bytes = 0;
    const last = writes.at(-1);
    if (last === undefined || nowMs - last.atMs > doubtMsMax) return undefined;
    return Buffer.concat(writes.map(({ bytes }) => bytes));
  }

  #isOld = (nowMs: number): boolean => nowMs - this.#writes[0]!.atMs > recentMsMax;
}
