/**
 * Copies the fields and messages of lines: for a few hundred bytes, calling the engine's own copy costs more than
 * copying. Works in words of eight bytes, at any alignment; once compiled, no BigInt is allocated. Correct for
 * overlapping ranges that move to the left.
 */

/** Shorter ranges are copied byte by byte. */
const wordsMin = 16;
/** Longer ranges are copied by the engine. */
const wordsMax = 1_024;

// The view of the buffer that was last copied from, since all lines of a read or a body are in one.
let viewed: Uint8Array = new Uint8Array(0);
let view = new DataView(viewed.buffer);

export const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Copies [start, end) of `from` to `at` of `out`, whose view is `target`; returns the place after the copy. */
export function copyBytes(
  out: Uint8Array,
  target: DataView,
  at: number,
  from: Uint8Array,
  start: number,
  end: number,
): number {
  const length = end - start;
  if (out === from && at === start) return end;
  if (length < wordsMin) {
    let to = at;
    for (let i = start; i < end; i++) out[to++] = from[i]!;
    return to;
  }
  if (length <= wordsMax) {
    if (from !== viewed) {
      viewed = from;
      view = viewOf(from);
    }
    return copyWords(target, at, view, start, end);
  }
  if (out === from) out.copyWithin(at, start, end);
  else out.set(from.subarray(start, end), at);
  return at + length;
}

// The same between views, for up to `wordsMax` bytes.
function copyWords(target: DataView, at: number, source: DataView, start: number, end: number): number {
  let to = at;
  let i = start;
  for (; i + 8 <= end; i += 8, to += 8) target.setBigInt64(to, source.getBigInt64(i, true), true);
  if (i + 4 <= end) {
    target.setInt32(to, source.getInt32(i, true), true);
    i += 4;
    to += 4;
  }
  for (; i < end; i++, to++) target.setUint8(to, source.getUint8(i));
  return to;
}
