/** Explains an answer so that a drain's owner can act on it: what was said, and the mend. Never a secret. */

import type { Secrets } from "../../core/secrets/repeated-secrets.ts";
import { type Endpoint, nameOf } from "./endpoint.ts";
import type { Rejected } from "./formats/body-format.ts";
import { type Answer, answerBytesMax } from "./http/answer.ts";

/** How much of an unwelcome answer its owner gets to see. */
const excerptCharsMax = 200;

/**
 * Names an unwelcome answer, how it begins, and what to do. `secrets` are not repeated, because a receiver may echo
 * what it was sent.
 */
export function explainAnswer(
  { status, body, isCut }: Pick<Answer, "status" | "body" | "isCut">,
  endpoint: Endpoint,
  secrets: Secrets,
): string {
  const shown = quoted(secrets.excerpt(body.toString(), excerptCharsMax, isCut));
  return `${nameOf(endpoint)} answered ${status}${shown}: ${mends.get(status) ?? mendOf(status)}`;
}

/** Explains a success that nevertheless rejects lines, of the `sent` ones. */
export function explainRejection(
  { lines, said, isCut }: Rejected,
  sent: number,
  endpoint: Endpoint,
  secrets: Secrets,
): string {
  const shown = quoted(secrets.excerpt(said, excerptCharsMax, isCut));
  const mend = "check the drain's format";
  if (lines === undefined)
    return `${nameOf(endpoint)} took the request and rejected lines${shown}; how many is behind the first ${answerBytesMax} bytes of its answer, so all ${sent} count: ${mend}`;
  const count = Math.min(lines, sent);
  return `${nameOf(endpoint)} took the request and rejected ${count} ${count === 1 ? "line" : "lines"}${shown}: ${mend}`;
}

const quoted = (shown: string): string => (shown === "" ? "" : ` ("${shown}")`);

const inTrouble =
  "the receiver, or a proxy before it, is in trouble; lines wait. The receiver's owner has to look";
const wrongFormat = "it does not take bodies like this, check the drain's format";
const mends = new Map([
  [101, "it wants to speak another protocol, is the URL that of a WebSocket?"],
  [400, "it does not take requests like this, check the drain's format and headers"],
  [401, "check the drain's credentials"],
  [402, "the receiver's account has to be paid for, or has used up what it may send"],
  [403, "the drain's credentials are not allowed to write there, check the key and its rights"],
  [404, "check the path in the drain's URL"],
  [405, "the receiver takes no POST at this path, check the path in the drain's URL"],
  [406, wrongFormat],
  [407, "a proxy answers there, check the host in the drain's URL"],
  [
    408,
    "it could not wait for the whole request; it is sent again. When it lasts, the receiver's owner has to look",
  ],
  [410, "the receiver says that this address is gone, give the drain another URL or remove it"],
  [413, "the lines are too large for it, raise its limit or log shorter lines"],
  [414, "the drain's URL is too long for it, give a shorter one"],
  [415, wrongFormat],
  [421, "it does not answer for this host, check the host in the drain's URL"],
  [422, wrongFormat],
  [426, "it wants to speak another protocol, is it an https:// receiver?"],
  [
    429,
    "it asks for fewer requests, and the drain slows down by itself. When lines pile up, raise the limit at the receiver",
  ],
  [431, "the drain's headers are too large for it, give fewer or shorter ones"],
  [500, inTrouble],
  [502, inTrouble],
  [503, inTrouble],
  [504, inTrouble],
  [507, "it has no room; lines wait. The receiver's owner has to make some"],
]);

function mendOf(status: number): string {
  if (status >= 300 && status < 400) return "redirects are not followed, give the final URL";
  if (status >= 500 && status < 600) return "lines wait. The receiver's owner has to look";
  return "lines wait; the receiver's documentation says what it means";
}
