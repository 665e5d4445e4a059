/** A redaction over whole slices, for tests. */
import assert from "node:assert";
import type { Form } from "../../src/core/batch/batch.ts";
import { CompiledPatterns } from "../../src/core/patterns/pattern.ts";
import {
  type RedactionSpec,
  type Redactions,
  Redactor,
  readRedaction,
} from "../../src/core/patterns/redaction.ts";

type Frames = { readonly bytes: Uint8Array; readonly form: Form };

/** A function that redacts frames and counts what it found; frames without a find are the same object. */
export function redaction(spec: RedactionSpec): <F extends Frames>(frames: F, counts: Redactions) => F {
  const redactor = new Redactor(readRedaction(spec), new CompiledPatterns(20));
  return (frames, counts) => {
    const { bytes, length } = redactor.redact(frames.bytes, frames.form, counts);
    assert.equal(length, frames.bytes.length);
    return bytes === undefined ? frames : { ...frames, bytes };
  };
}
