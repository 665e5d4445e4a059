/** The numbers of a line index: what stands where (`line-index.ts`). */

/**
 * The index of `bytes`, canonical frames. `places` has `placesPerLine` numbers for each line, in the order of `place`;
 * behind those of the last line there may be room.
 */
export type LineIndex = { readonly bytes: Uint8Array; readonly places: Uint32Array };

/**
 * The numbers of one line, all but `pri` offsets in the bytes. The other parts follow from these: a frame begins where the
 * one before it ends, TIME behind `<PRI>1 ` (`timeStartAt`), SOURCE `hostBytes` behind the end of TIME, and every other
 * field one byte behind the end of the field before it. Structured data end one byte before the message; in the form
 * `logplex` there are none, and the message begins one byte behind MSGID.
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

/**
 * In the number at `place.pri`: every field of the line holds against a strict parser of RFC 5424 §6, so that the line may
 * be sent as it lies. Ingest makes no other lines; an older version may have.
 */
export const strictBit = 0x400;
export const priMask = strictBit - 1;

/** Bytes of ` host `. */
export const hostBytes = 6;

/** The place of TIME in a line whose `<PRI>` is at `head`. */
export const timeStartAt = (bytes: Uint8Array, head: number): number =>
  bytes[head + 3] === 0x3e ? head + 6 : bytes[head + 4] === 0x3e ? head + 7 : head + 5;
