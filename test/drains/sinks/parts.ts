/** Sinks that wait for no answer longer than a test can, and parcels for them. */
import { lookup } from "node:dns";
import { realClock } from "../../../src/clock.ts";
import { positionAt } from "../../../src/core/position.ts";
import { addressPolicy, loopbackCidrs } from "../../../src/drains/addresses.ts";
import { ConnectionSlots } from "../../../src/drains/connections/slots.ts";
import { type SinkOptions, sinksFor } from "../../../src/drains/sink-for.ts";
import { parcelId } from "../../../src/drains/worker/parcel.ts";
import type { Parcel, Sink, Slice, Verdict } from "../../../src/ports.ts";
import type { DrainRecord } from "../../../src/registry/records.ts";
import { batchOf } from "../../support/batches.ts";
import { octetCounted } from "../../support/frames.ts";
import { drainOf } from "../rig.ts";

export const sinkOptions: SinkOptions = {
  userAgent: "Logplex/test",
  policy: addressPolicy(loopbackCidrs),
  clock: realClock,
  resolve: (name, options, done) => lookup(name, options, done),
  connectMsMax: 600_000,
  attemptMsMax: 600_000, // longer than a test: that a peer answered late is never said of a busy machine
  retryAfterMsMax: 3_600_000,
};

/** Every name is this machine, at once. */
export const resolveHere: SinkOptions["resolve"] = (_name, _options, done) =>
  setImmediate(done, null, [{ address: "127.0.0.1", family: 4 }]);

/** A sink as the server makes it. */
export const sinkOf = (
  url: string,
  rest: Partial<DrainRecord> = {},
  options: Partial<SinkOptions> = {},
): Sink => sinksFor({ ...sinkOptions, ...options })(drainOf(1, { url, ...rest }));

let parcels = 0;

/** A parcel of one slice, a line for each text. */
export const parcelOf = (...texts: string[]): Parcel => parcelOfSlices(batchOf(texts));

export function parcelOfSlices(...slices: Slice[]): Parcel {
  const at = positionAt(++parcels, 0);
  return {
    parcelId: parcelId("d.1", at, at),
    slices,
    count: slices.reduce((sum, { count }) => sum + count, 0),
  };
}

/** Canonical frames of form rfc5424. */
export const sliceWithData = (...frames: string[]): Slice => ({
  bytes: Buffer.concat(frames.map((frame) => octetCounted(frame))),
  count: frames.length,
  form: "rfc5424",
});

export const never = new AbortController().signal;

/** Turns for a few drains. */
export const openSlots = (): ConnectionSlots =>
  new ConnectionSlots({
    socketsMax: 10,
    idleMsMax: 60_000,
    failingMax: 5,
    failingEveryMs: 5,
    clock: realClock,
  });

/** A sink whose verdicts are written down. */
export function recording(sink: Sink, verdicts: Verdict[]): Sink {
  return {
    async deliver(parcel, signal) {
      const verdict = await sink.deliver(parcel, signal);
      verdicts.push(verdict);
      return verdict;
    },
    giveUp: (ms) => sink.giveUp(ms),
    close: () => sink.close(),
  };
}
