/**
 * The places of things in the memory. Bytes are read and written sixteen at a time, so that up to `spare` bytes behind any
 * place may be read, and behind any end of lines written.
 */

export const spare: u32 = 64;

/** A token and its names on their way to the entries, or the hostname of a drain. */
export const tokenAt: u32 = 0x600;
export const hostnameBytesMax: u32 = 512;

/** Bytes of frames that many are made lines of; sockets may be read into it. */
export const inputAt: u32 = 0x1_0000;
/** The same for frames that lie elsewhere, of which copies come here. */
export const scratchAt: u32 = 0x2_1000;
/** The bytes of either. */
export const inputBytes: u32 = 0x1_0000;

/** `isUuidByte` has a 1 for each byte that may be in a UUID. */
export const uuidBytesAt: u32 = 0x400;
/** The stage of each group, plus one; 0: it has none. A byte each. */
export const stageOfGroupAt: u32 = 0x1000;

/** The tokens that are known: see `tokens.ts`. */
export const entriesAt: u32 = 0x4_0000;
export const entryBytes: u32 = 128;
/** A power of two. */
export const entries: u32 = 4096;
/** The names of bodies, whose frames may name anything. */
export const bodyEntryAt: u32 = entriesAt + entries * entryBytes;
/** The entries in use, two bytes each. */
export const usedAt: u32 = bodyEntryAt + entryBytes;

/** The places of a line, which are eight numbers: `src/core/batch/line-places.ts`. */
export const linePlacesBytes: u32 = 32;

/** Stages have the lines of one group each, and the places of their parts. */
export const stages: u32 = 16;
export const linesAt: u32 = 0xd_0000;
export const linesBytes: u32 = 0x2_0000;
/** Not a power of two, or the same places of all stages would share the few lines of a cache. */
export const linesStride: u32 = linesBytes + 0x1140;
export const placesAt: u32 = linesAt + stages * linesStride;
export const placesBytes: u32 = 0x1_0000;
export const placesStride: u32 = placesBytes + 0x240;

/** The places of lines that frames are made of, and these frames. */
export const placesInAt: u32 = placesAt + stages * placesStride;
export const placesInBytes: u32 = 0x1_0000;
export const framesAt: u32 = placesInAt + placesInBytes;
export const framesBytes: u32 = 0x2_0000;
/** The end of all. */
export const memoryBytes: u32 = framesAt + framesBytes;
