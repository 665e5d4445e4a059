/** The bounds of `run` and `ship`. The code that uses each says what happens at it. */

const MiB = 1024 * 1024;
const secondMs = 1000;

/** A longer line becomes several: with its head, each fits the 256 KiB of a frame. */
export const lineBytesMax = 256 * 1024 - 512;

/** How long a message waits for more of its lines (`--join`). */
export const joinMsMax = 100;

/** Beyond either, a parcel takes no further line; log servers accept 8 MB. */
export const parcelLinesMax = 2_000;
export const parcelBytesMax = MiB;

/** The memory for lines that wait for the server. Whoever waits for room may exceed it by one read. */
export const queueBytesMax = 32 * MiB;
/** Lines of `run` beyond that, in a file. */
export const spillBytesMax = 1024 * MiB;
/** The same if the writer is held back from the start: more lines would only take longer to arrive. */
export const heldQueueBytesMax = 2 * MiB;

/** For one try to send a parcel. */
export const tryMsMax = 10 * secondMs;
/** How long `run` asks the server before it starts the program without an answer. */
export const startMsMax = 2 * secondMs;
/** How long waiting lines are sent at the end, if no other time is given. */
export const graceSecondsDefault = 60;
