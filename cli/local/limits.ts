/** The bounds of `run` and `ship`; what happens at each is said where it is used. */

const MiB = 1024 * 1024;
const secondMs = 1000;

/** A line longer than this becomes several: with its head it is within the 256 KiB of a frame. */
export const lineBytesMax = 256 * 1024 - 512;

/** A message waits so long for more of its lines (`--join`). */
export const joinMsMax = 100;

/** A parcel takes no further line beyond either; log servers accept 8 MB. */
export const parcelLinesMax = 2_000;
export const parcelBytesMax = MiB;

/** Lines that wait for the server, in memory that is taken. Whoever waits for room may exceed it by one read. */
export const queueBytesMax = 32 * MiB;
/** Lines of `run` beyond that, in a file. */
export const spillBytesMax = 1024 * MiB;
/** The same where the writer is held from the start: more would only be longer on its way. */
export const heldQueueBytesMax = 2 * MiB;

/** One try to send a parcel. */
export const tryMsMax = 10 * secondMs;
/** `run` asks the server this long before it starts the program without an answer. */
export const startMsMax = 2 * secondMs;
/** Lines that wait at the end are given this long, when no other time is given. */
export const graceSecondsDefault = 60;
