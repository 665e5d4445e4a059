/** A sink whose parcels are redacted first. The log keeps lines whole: what is taken out depends on the drain. */
import { setImmediate } from "node:timers/promises";
import { type compileRedaction, noRedactions } from "../core/redaction.ts";
import { drainRedactions } from "../metrics.ts";
import type { Sink, Slice } from "../ports.ts";

export function redacting(sink: Sink, redact: ReturnType<typeof compileRedaction>): Sink {
  return {
    async deliver(parcel, signal) {
      const counts = noRedactions();
      const slices: Slice[] = [];
      for (const slice of parcel.slices) {
        if (slices.length > 0) await setImmediate(); // an owner's patterns may take their time, but not everybody's
        slices.push(redact(slice, counts));
      }
      signal.throwIfAborted();
      for (const [what, count] of Object.entries(counts)) if (count > 0) drainRedactions.inc({ what }, count);
      return sink.deliver({ ...parcel, slices }, signal);
    },
    close: () => sink.close(),
  };
}
