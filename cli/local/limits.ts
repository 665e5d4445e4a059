/** The bounds of `run` and `ship`; what happens at each is said where it is used. */

const MiB = 1024 * 1024;
const secondMs = 1000;

/** A line longer than this becomes several, as log-shuttle does it. */
export const lineBytesMax = 10_000;

/** A parcel takes no further line beyond either; log servers accept 8 MB. */
export const parcelLinesMax = 2_000;
export const parcelBytesMax = MiB;

/** Lines that wait for the server, in memory that is taken. Whoever waits for room may exceed it by one read. */
export const queueBytesMax = 32 * MiB;
/** The same where the writer is held from the start: more would only be longer on its way. */
export const heldQueueBytesMax = 2 * MiB;

/** One try to send a parcel. */
export const tryMsMax = 10 * secondMs;
/** `run` asks the server this long before it starts the program without an answer. */
export const startMsMax = 2 * secondMs;
/** Lines that wait at the end are given this long, when no other time is given. */
export const graceSecondsDefault = 60;
