/** Redacts parcels before they are sent. The log keeps lines whole, because each drain may redact something else. */
import { CompiledPatterns } from "../core/patterns/pattern.ts";
import { noRedactions, patternsMax, Redactor, readRedaction } from "../core/patterns/redaction.ts";
import { drainRedactions } from "../metrics.ts";
import type { LineRedactions } from "../patterns/line-redactions.ts";
import type { Parcel, Slice } from "../ports.ts";
import type { DrainRecord } from "../registry/records.ts";

/** Removes from a parcel what the drain's owner named. Resolves to undefined when `signal` is aborted. */
export type RedactParcel = (parcel: Parcel, signal: AbortSignal) => Promise<Parcel | undefined>;

/** A short line of our own, redacted like those of the drain's app. */
export function redactedLine<S extends Slice>({ redact }: Pick<DrainRecord, "redact">, line: S): S {
  if (redact === undefined) return line;
  const redactor = new Redactor(readRedaction(redact), new CompiledPatterns(patternsMax));
  const { bytes } = redactor.redact(line.bytes, line.form, noRedactions());
  return bytes === undefined ? line : { ...line, bytes };
}

/** Undefined when there is nothing to redact. */
export function redactionOf(
  { channel, redact }: Pick<DrainRecord, "channel" | "redact">,
  redactions: LineRedactions,
): RedactParcel | undefined {
  if (redact === undefined) return undefined;
  const redaction = readRedaction(redact);
  return async (parcel, signal) => {
    const counts = noRedactions();
    const slices: Slice[] = [];
    for (const slice of parcel.slices) {
      const left = await redactions.redact({ channel, as: "drain" }, redaction, slice, counts, signal);
      if (left === undefined) return undefined;
      slices.push(left);
    }
    for (const [what, count] of Object.entries(counts)) if (count > 0) drainRedactions.inc({ what }, count);
    return { parcelId: parcel.parcelId, count: parcel.count, slices };
  };
}
