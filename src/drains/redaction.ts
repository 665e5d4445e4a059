/** A sink whose parcels are redacted first. The log keeps lines whole: what is taken out depends on the drain. */
import { type compileRedaction, noRedactions } from "../core/redaction.ts";
import { drainRedactions } from "../metrics.ts";
import type { Sink } from "../ports.ts";

export function redacting(sink: Sink, redact: ReturnType<typeof compileRedaction>): Sink {
  return {
    deliver(parcel, signal) {
      const counts = noRedactions();
      const slices = parcel.slices.map((slice) => redact(slice, counts));
      for (const [what, count] of Object.entries(counts)) if (count > 0) drainRedactions.inc({ what }, count);
      return sink.deliver({ ...parcel, slices }, signal);
    },
    close: () => sink.close(),
  };
}
