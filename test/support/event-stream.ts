/** The event stream parser of the HTML standard, §9.2.6, to the letter, for tests. */
type ServerEvent = { readonly id: string; readonly data: string };

/** Feed it decoded text in any chunks. */
export class EventStreamParser {
  readonly events: ServerEvent[] = [];
  /** Events that are no lines: those whose clients have to know them by name. */
  readonly named: (ServerEvent & { readonly type: string })[] = [];
  readonly comments: string[] = [];
  /** What a client would send as `Last-Event-ID`. */
  lastEventId = "";
  retryMs: number | undefined;
  #rest = "";
  #isStart = true;
  #data = "";
  #type = "";
  #id = "";

  feed(text: string): void {
    this.#rest += text;
    if (this.#isStart && this.#rest !== "") {
      this.#isStart = false;
      this.#rest = this.#rest.replace(/^\uFEFF/, "");
    }
    for (;;) {
      // A CR at the very end may be half of a CRLF.
      const match = /\r\n|\n|\r(?!$)/.exec(this.#rest);
      if (match === null) return;
      this.#line(this.#rest.slice(0, match.index));
      this.#rest = this.#rest.slice(match.index + match[0].length);
    }
  }

  #line(line: string): void {
    if (line === "") {
      this.#dispatch();
      return;
    }
    if (line.startsWith(":")) {
      this.comments.push(line.slice(1));
      return;
    }
    const colon = line.indexOf(":");
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.#type = value;
    if (field === "data") this.#data += `${value}\n`;
    if (field === "id" && !value.includes("\0")) this.#id = value;
    if (field === "retry" && /^[0-9]+$/.test(value)) this.retryMs = Number(value);
  }

  #dispatch(): void {
    this.lastEventId = this.#id;
    const data = this.#data;
    const type = this.#type;
    this.#data = "";
    this.#type = "";
    if (data === "") return;
    if (type !== "" && type !== "message") {
      this.named.push({ type, id: this.lastEventId, data: data.slice(0, -1) });
      return;
    }
    this.events.push({ id: this.lastEventId, data: data.slice(0, -1) });
  }
}

/** The events of a whole stream; what is not closed by a blank line is lost. */
export function parseEvents(bytes: Uint8Array): EventStreamParser {
  const parser = new EventStreamParser();
  parser.feed(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes));
  return parser;
}
