/**
 * Redacts frames without holding anybody up. Detectors and plain texts take linear time and are fast, so they run
 * here, in turns. Expressions go to the pool, and so do lines that are so long that even detectors are slow.
 */
import type { Form } from "../core/batch/batch.ts";
import { splitLines } from "../core/batch/lines.ts";
import { CompiledPatterns } from "../core/patterns/pattern.ts";
import { type Redaction, type Redactions, Redactor } from "../core/patterns/redaction.ts";
import { turns } from "../turns.ts";
import { RedactJob } from "./jobs.ts";
import type { PatternPool } from "./pool.ts";
import { ownerOf, type Payer } from "./selector.ts";
import { unlessAborted } from "./unless-aborted.ts";

/** Longer lines go to the pool: detectors take up to a third of a microsecond per byte. */
const hereBytesMax = 16 * 1024;

type Frames = { readonly bytes: Uint8Array; readonly count: number; readonly form: Form };

export class LineRedactions {
  readonly #pool: PatternPool;

  constructor(pool: PatternPool) {
    this.#pool = pool;
  }

  /**
   * The frames with everything that was found replaced; the same object if nothing was. Adds what was found to
   * `counts`. Undefined when `signal` is aborted.
   */
  async redact<F extends Frames>(
    payer: Payer,
    redaction: Redaction,
    frames: F,
    counts: Redactions,
    signal: AbortSignal,
  ): Promise<F | undefined> {
    const needsPool = redaction.patterns.some(({ plain }) => plain === undefined);
    const parts = needsPool ? [frames] : splitLines(frames, hereBytesMax);
    const redactor = needsPool ? undefined : new Redactor(redaction, new CompiledPatterns(1));
    const out: Uint8Array[] = [];
    let isChanged = false;
    for (const { bytes, form } of parts) {
      const redacted =
        redactor === undefined || bytes.length > hereBytesMax
          ? await this.#inPool(payer, redaction, bytes, form, counts, signal)
          : await here(redactor, bytes, form, counts, payer.channel);
      if (redacted === undefined || signal.aborted) return undefined;
      isChanged ||= redacted !== bytes;
      out.push(redacted);
    }
    return isChanged ? { ...frames, bytes: Buffer.concat(out) } : frames;
  }

  async #inPool(
    payer: Payer,
    redaction: Redaction,
    bytes: Uint8Array,
    form: Form,
    counts: Redactions,
    signal: AbortSignal,
  ): Promise<Uint8Array | undefined> {
    const job = new RedactJob(ownerOf(payer), redaction, bytes, form);
    const { done, drop } = this.#pool.run(job);
    const isDone = await unlessAborted(
      done.then(() => true),
      signal,
    );
    if (isDone === undefined) {
      drop();
      return undefined;
    }
    addCounts(counts, job.counts);
    return job.frames;
  }
}

async function here(
  redactor: Redactor,
  bytes: Uint8Array,
  form: Form,
  counts: Redactions,
  channel: string,
): Promise<Uint8Array> {
  const out: Uint8Array[] = [];
  let isChanged = false;
  for (let at = 0; at < bytes.length; ) {
    if (turns.isOver) await turns.next(channel);
    const part = redactor.redact(bytes.subarray(at), form, counts, () => turns.isOver);
    out.push(part.bytes ?? bytes.subarray(at, at + part.length));
    isChanged ||= part.bytes !== undefined;
    at += part.length;
  }
  return isChanged ? Buffer.concat(out) : bytes;
}

function addCounts(to: Redactions, more: Redactions): void {
  for (const what of Object.keys(to) as (keyof Redactions)[]) to[what] += more[what];
}
