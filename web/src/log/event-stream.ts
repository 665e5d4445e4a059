/**
 * Parses server-sent events from text in pieces of any size (HTML standard, §9.2.6), as far as our server writes them.
 */
type StreamEvent = { readonly type: string; readonly id: string | undefined; readonly data: string };

export class EventStream {
  #rest = "";

  /** The events that `text` completes. */
  feed(text: string): StreamEvent[] {
    const whole = this.#rest + text;
    const events: StreamEvent[] = [];
    let from = 0;
    for (;;) {
      const to = whole.indexOf("\n\n", from);
      if (to === -1) break;
      const event = eventOf(whole, from, to);
      if (event !== undefined) events.push(event);
      from = to + 2;
    }
    this.#rest = from === 0 ? whole : whole.slice(from);
    return events;
  }

  /** The number of characters of an unfinished event. */
  get pending(): number {
    return this.#rest.length;
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
