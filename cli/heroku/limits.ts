/** The bounds of reading from Heroku, and what follows at each. */

/** Bytes of an answer; a longer one ends the command. */
export const answerBytesMax = 16 * 1024 * 1024;
/** Pages of a list, of up to 1,000 entries each; a longer list ends the command. */
export const pagesMax = 200;
/** Until an answer is whole. */
export const callMsMax = 30_000;
export const connectMsMax = 10_000;
/** Answers of 429 to one call; one more ends the command. */
export const waitsMax = 5;
/** The longest wait that is granted; what asks for more ends the command. */
export const waitMsMax = 120_000;
/** The wait where 429 names none: Heroku grants 75 calls a minute anew. */
export const waitMsDefault = 30_000;
