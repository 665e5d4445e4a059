/** Reads server-sent events (HTML standard, §9.2.6), as far as our server writes them. */
import { ApiFailure } from "../api-failure.ts";

export type StreamEvent = { readonly type: string; readonly id: string | undefined; readonly data: string };

/** An event with more characters than this is not one of ours. */
const eventCharsMax = 16 * 1024 * 1024;
/** After this long without a byte, the connection is dead, even if nobody said so. The server writes every 15 s. */
const silenceMsMax = 40_000;
const pieceBytes = 32 * 1024;

/** The events of an answer, a few at a time, until it ends. Throws if it is none of ours, breaks or falls silent. */
export async function* eventsIn(response: Response): AsyncGenerator<readonly StreamEvent[], void> {
  const reader = response.body!.getReader();
  const decoder = new TextDecoder();
  const events = new EventStream();
  let isSilent = false;
  const fallSilent = () => {
    isSilent = true;
    void reader.cancel().catch(() => {});
  };
  try {
    for (;;) {
      const silence = setTimeout(fallSilent, silenceMsMax);
      const { done, value } = await reader.read().finally(() => clearTimeout(silence));
      if (isSilent) throw new ApiFailure(0, "The server fell silent.");
      if (done) return;
      for (let at = 0; at < value.length; at += pieceBytes)
        yield events.feed(decoder.decode(value.subarray(at, at + pieceBytes), { stream: true }));
    }
  } finally {
    void reader.cancel().catch(() => {});
  }
}

/** Parses text in pieces of any size. */
export class EventStream {
  #rest = "";
  #isAfterBreak = false;

  /** The events that `text` completes. Throws if the next one is too long. */
  feed(text: string): StreamEvent[] {
    const ends = text.includes("\n\n") || (this.#isAfterBreak && text.startsWith("\n"));
    if (text !== "") this.#isAfterBreak = text.endsWith("\n");
    this.#rest += text; // not looked at before an event ends: that would copy all of it each time
    const found = ends ? this.#taken() : [];
    if (this.#rest.length > eventCharsMax)
      throw new ApiFailure(0, `The server sends an event of more than ${eventCharsMax / 2 ** 20} MiB.`);
    return found;
  }

  #taken(): StreamEvent[] {
    const whole = this.#rest;
    const events: StreamEvent[] = [];
    let from = 0;
    for (;;) {
      const to = whole.indexOf("\n\n", from);
      if (to === -1) break;
      const event = eventOf(whole, from, to);
      if (event !== undefined) events.push(event);
      from = to + 2;
    }
    this.#rest = whole.slice(from);
    return events;
  }
}

// A block without data is a comment, or only tells the reader's place.
function eventOf(text: string, from: number, to: number): StreamEvent | undefined {
  let type = "message";
  let id: string | undefined;
  let data: string | undefined;
  for (let at = from; at < to; ) {
    const newline = text.indexOf("\n", at);
    const end = newline === -1 || newline > to ? to : newline;
    if (text.startsWith("data: ", at)) {
      const part = text.slice(at + 6, end);
      data = data === undefined ? part : `${data}\n${part}`;
    } else if (text.startsWith("id: ", at)) id = text.slice(at + 4, end);
    else if (text.startsWith("event: ", at)) type = text.slice(at + 7, end);
    at = end + 1;
  }
  if (data !== undefined) return { type, id, data };
  return id === undefined ? undefined : { type: "place", id, data: "" };
}
