/** The bounds of reading from Heroku, and what happens at each. */

/** Bytes of an answer; a longer one ends the command. */
export const answerBytesMax = 16 * 1024 * 1024;
/** Pages of a list, with up to 1,000 entries each; a longer list ends the command. */
export const pagesMax = 200;
/** For a complete answer. */
export const callMsMax = 30_000;
export const connectMsMax = 10_000;
/** Answers of 429 to one call; one more ends the command. */
export const waitsMax = 5;
/** The longest wait that is granted; a longer one ends the command. */
export const waitMsMax = 120_000;
/** The wait if a 429 names none: Heroku grants 75 more calls per minute. */
export const waitMsDefault = 30_000;
