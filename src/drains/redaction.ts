/** A sink whose parcels are redacted first. The log keeps lines whole: what is taken out depends on the drain. */
import { setImmediate } from "node:timers/promises";
import { splitLines } from "../core/lines.ts";
import { type compileRedaction, noRedactions } from "../core/redaction.ts";
import { drainRedactions } from "../metrics.ts";
import type { Sink, Slice } from "../ports.ts";

/** An owner's patterns may take their time, but not everybody's: after so many bytes it is the others' turn. */
const turnBytesMax = 16 * 1024;

export function redacting(sink: Sink, redact: ReturnType<typeof compileRedaction>): Sink {
  return {
    async deliver(parcel, signal) {
      const counts = noRedactions();
      const slices: Slice[] = [];
      for (const slice of parcel.slices) {
        for (const part of splitLines(slice, turnBytesMax)) {
          if (slices.length > 0) await setImmediate();
          slices.push(redact(part, counts));
        }
      }
      signal.throwIfAborted();
      for (const [what, count] of Object.entries(counts)) if (count > 0) drainRedactions.inc({ what }, count);
      return sink.deliver({ ...parcel, slices }, signal);
    },
    close: () => sink.close(),
  };
}
