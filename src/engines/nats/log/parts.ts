/** Splits a batch that is larger than a message may be. */
import assert from "node:assert";
import { type Batch, encodedBytes } from "../../../core/batch/batch.ts";
import { scanFrame } from "../../../core/wire/frame.ts";

const frameBytesMax = 1024 * 1024;

/**
 * Cuts a batch between its frames into batches of at most `bytesMax`; only a single frame may be larger. The dedup id of
 * each says which lines it has, as a server of another `max_payload` makes other parts of the same batch.
 */
export function partsOf(batch: Batch, bytesMax: number): Batch[] {
  const parts: Batch[] = [];
  const { bytes } = batch;
  let start = 0;
  let count = 0;
  let firstLine = batch.firstLine;
  for (let at = 0; at < bytes.length; ) {
    const scan = scanFrame(bytes, at, frameBytesMax);
    assert(scan.kind === "frame", "a batch holds canonical frames");
    const part = { ...batch, firstLine, count, bytes: bytes.subarray(start, at) };
    if (count > 0 && encodedBytes(part) + scan.end - at > bytesMax) {
      parts.push(named(part, batch));
      firstLine += count;
      start = at;
      count = 0;
    }
    count++;
    at = scan.end;
  }
  parts.push(named({ ...batch, firstLine, count, bytes: bytes.subarray(start) }, batch));
  return parts;
}

const named = (part: Batch, { dedupId, firstLine }: Batch): Batch =>
  dedupId === undefined
    ? part
    : { ...part, dedupId: `${dedupId}/${part.firstLine - firstLine}+${part.count}` };
