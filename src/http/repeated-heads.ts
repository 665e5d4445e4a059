/**
 * Heads of requests that repeat one which Node's parser has read, but for the values of a few fields, as those of one
 * kind of sender do. Node takes longer for a head, its request and its answer than we do for a hundred lines. A head
 * that differs in any other byte is Node's to read, so that nothing is told apart in another way than by Node.
 */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";

/** A head that was found in a read. */
export type FoundHead = {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** Its `Content-Length`, at least 1. */
  readonly bodyBytes: number;
  /** The place after the head. */
  readonly end: number;
};

/** A longer head is not compared. */
export const headBytesMax = 4 * 1024;
/** Kinds of heads that are known at a time; the one that was learned first is forgotten. */
const headsMax = 16;

const lengthName = "content-length";
/** Fields whose values may be others each time. */
const changing = new Set([
  lengthName,
  "authorization",
  "logplex-msg-count",
  "logplex-frame-id",
  "x-request-id",
]);
/** Fields that say how the request is told from the next one, or who answers it. */
const decisive = new Set([
  "transfer-encoding",
  "connection",
  "proxy-connection",
  "upgrade",
  "expect",
  "trailer",
  "http2-settings",
]);

const headForm =
  /^POST [\x21-\x7e]+ HTTP\/1\.1\r\n(?:[\w-]+: ?(?:[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)?\r\n)+\r\n$/;
const fieldForm = /\n([\w-]+): ?(.*)\r/g;
/** A length that Node takes, and that is not zero. */
const lengthForm = /^(?!0+$)[0-9]{1,9}$/;

const space = 0x20;
const tilde = 0x7e;
const carriageReturn = 0x0d;

/** A run of bytes that is the same in each such head; then the value of this field, which is not; the last has none. */
type Part = { readonly same: Buffer; readonly name: string };

class RepeatedHead {
  readonly #method: string;
  readonly #url: string;
  readonly #headers: IncomingHttpHeaders;
  readonly #parts: readonly Part[];

  constructor({ method, url, headers }: IncomingMessage, parts: readonly Part[]) {
    this.#method = method!;
    this.#url = url!;
    this.#headers = { ...headers };
    for (const name of changing) delete this.#headers[name]; // credentials, too: they are one request's
    this.#parts = parts;
  }

  find(bytes: Buffer, from: number): FoundHead | undefined {
    const last = Math.min(bytes.length, from + headBytesMax);
    const values: string[] = [];
    let at = from;
    for (const { same, name } of this.#parts) {
      const next = at + same.length;
      if (next > last || same.compare(bytes, at, next) !== 0) return undefined;
      at = next;
      if (name === "") break;
      const end = endOfValue(bytes, at, last);
      if (end === at || bytes[at] === space || bytes[end - 1] === space) return undefined;
      values.push(bytes.toString("latin1", at, end));
      at = end;
    }
    const headers = { ...this.#headers };
    for (const [n, value] of values.entries()) headers[this.#parts[n]!.name] = value;
    const length = headers[lengthName]!;
    if (!lengthForm.test(length)) return undefined;
    return { method: this.#method, url: this.#url, headers, bodyBytes: Number(length), end: at };
  }
}

export class RepeatedHeads {
  readonly #known: RepeatedHead[] = [];

  /** The head that begins at `at`, if it repeats one that was learned and has come whole. */
  find(bytes: Buffer, at: number): FoundHead | undefined {
    for (const head of this.#known) {
      const found = head.find(bytes, at);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Learns the head that Node's parser has just read as `request`; ignores one that cannot be repeated. */
  learn(head: Buffer, request: IncomingMessage): void {
    if (this.find(head, 0) !== undefined) return;
    const parts = partsOf(head);
    if (parts === undefined) return;
    const learned = new RepeatedHead(request, parts);
    if (learned.find(head, 0) === undefined) return; // its length has more digits than are taken
    if (this.#known.length === headsMax) this.#known.shift();
    this.#known.push(learned);
  }
}

function partsOf(head: Buffer): Part[] | undefined {
  const text = head.toString("latin1");
  if (text.length > headBytesMax || !headForm.test(text)) return undefined;
  const names = new Set<string>();
  const parts: Part[] = [];
  let begin = 0;
  for (const { 0: line, 1: given = "", 2: value = "", index } of text.matchAll(fieldForm)) {
    const name = given.toLowerCase();
    const isKept = name.endsWith("connection") && value.toLowerCase() === "keep-alive";
    if (decisive.has(name) && !isKept) return undefined;
    if (!changing.has(name)) continue;
    if (names.has(name) || value === "") return undefined; // Node has rules for several of one name
    names.add(name);
    const valueEnd = index + line.length - 1;
    parts.push({ same: Buffer.from(text.slice(begin, valueEnd - value.length), "latin1"), name });
    begin = valueEnd;
  }
  if (!names.has(lengthName) || !/\r\nhost: ?[^\r]/i.test(text)) return undefined;
  parts.push({ same: Buffer.from(text.slice(begin), "latin1"), name: "" });
  return parts;
}

/** The place after the printable characters from `at` on, if a line ends there; else `at`. */
function endOfValue(bytes: Buffer, at: number, last: number): number {
  for (let end = at; end < last; end++) {
    const byte = bytes[end]!;
    if (byte === carriageReturn) return end;
    if (byte < space || byte > tilde) return at;
  }
  return at;
}
