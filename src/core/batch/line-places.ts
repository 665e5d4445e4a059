/** The numbers of a line index, and what each one means (`line-index.ts`). */

/**
 * The index of `bytes`, which are canonical frames. `places` has `placesPerLine` numbers for each line, in the order of
 * `place`; there may be spare room after those of the last line.
 */
export type LineIndex = { readonly bytes: Uint8Array; readonly places: Uint32Array };

/**
 * The numbers of one line; all but `pri` are offsets in the bytes. The other parts follow from these: a frame begins
 * where the one before it ends, TIME after `<PRI>1 ` (`timeStartAt`), SOURCE `hostBytes` after the end of TIME, and
 * every other field one byte after the end of the field before it. Structured data end one byte before the message; in
 * the form `logplex` there are none, and the message begins one byte after MSGID.
 */
export const place = {
  /** At `<PRI>`. */
  head: 0,
  /** PRI as a number, and `strictBit`. */
  pri: 1,
  timeEnd: 2,
  sourceEnd: 3,
  processEnd: 4,
  msgidEnd: 5,
  message: 6,
  /** The end of the message, which is that of the frame. */
  end: 7,
} as const;

/** The numbers of line `i` begin at `i << placeShift`. */
export const placeShift = 3;
export const placesPerLine = 1 << placeShift;
/** The memory of a line's places. */
export const placesBytes = placesPerLine * Uint32Array.BYTES_PER_ELEMENT;

/**
 * Part of the number at `place.pri`: a strict parser of RFC 5424 §6 accepts every field of the line, so that it may be
 * sent as it is. Ingest makes only such lines; an older version may have made others.
 */
export const strictBit = 0x400;
export const priMask = strictBit - 1;

/** The length of ` host `. */
export const hostBytes = 6;

/** The place of TIME in a line whose `<PRI>` is at `head`. */
export const timeStartAt = (bytes: Uint8Array, head: number): number =>
  bytes[head + 3] === 0x3e ? head + 6 : bytes[head + 4] === 0x3e ? head + 7 : head + 5;
