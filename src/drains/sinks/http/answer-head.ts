/**
 * Reads the head of an answer from its lines. Heads that break RFC 9112 are read as far as they make sense and marked
 * as not clean: the status has decided by then, and the connection is not used again.
 */

/** How the end of the body is determined (RFC 9112 §6.3). */
type Framing =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "close" };

export type StatusLine = {
  readonly status: number;
  /** True if it follows RFC 9112 §4, with version 1.0 or 1.1. */
  readonly isClean: boolean;
  readonly isOld: boolean;
};

export type AnswerHead = {
  /** Names in lower case; the values of repeated headers are joined by `, ` if they are lists. */
  readonly headers: ReadonlyMap<string, string>;
  readonly framing: Framing;
  /** True if the connection may be used again, provided the body ends where it should. */
  readonly isKept: boolean;
  /** How long the server keeps the connection while it is idle, if it says so. */
  readonly keptMs: number | undefined;
};

const statusForm = /^HTTP\/(\d{1,3}(?:\.\d{1,3})?)[ \t]+([1-9]\d\d)(?!\d)/i;
const cleanStatusForm = /^HTTP\/1\.[01] \d{3}(?: [\t\x20-\x7e\x80-\xff]*)?\r\n$/;
const start = "HTTP/";

/** Reads a status line; undefined if it is not one. */
export function readStatusLine(line: string): StatusLine | undefined {
  const [, version, digits] = statusForm.exec(line) ?? [];
  if (version === undefined || digits === undefined) return undefined;
  return { status: Number(digits), isClean: cleanStatusForm.test(line), isOld: Number(version) < 1.1 };
}

/** True while the first characters of a line may become a status line. */
export const maybeStatusLine = (text: string): boolean =>
  text.length < statusCharsMax && start.startsWith(text.slice(0, start.length).toUpperCase());

/** A line without a status within this many characters is not a status line. */
const statusCharsMax = 64;

const fieldForm = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*\r\n$/;
const oddFieldForm = /^\s*([^:\s]+)\s*:\s*(.*?)\s*$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what no value may hold (RFC 9110 §5.5)
const badValueForm = /[\0-\x08\x0a-\x1f\x7f]/;

/** The first of each of these headers counts, because joined values would be meaningless. */
const single: ReadonlySet<string> = new Set(["retry-after", "content-type"]);

/** `lines`: those after the status line, each with its line end. */
export function readHead(lines: readonly string[], { status, isClean, isOld }: StatusLine): AnswerHead {
  const headers = new Map<string, string>();
  let isOdd = !isClean;
  let last: string | undefined;
  for (const line of lines) {
    const folded = /^[ \t]/.test(line);
    const field = fieldForm.exec(line);
    const [, name, value = ""] = field ?? oddFieldForm.exec(line) ?? [];
    if (folded || field === null || badValueForm.test(value)) isOdd = true;
    if (folded && last !== undefined) headers.set(last, `${headers.get(last)} ${line.trim()}`);
    else if (name !== undefined) {
      last = name.toLowerCase();
      const before = headers.get(last);
      if (before === undefined) headers.set(last, value);
      else if (!single.has(last)) headers.set(last, `${before}, ${value}`);
    }
  }
  const { framing, isSure } = framingOf(status, headers, isOld);
  const connection = tokensIn(headers.get("connection"));
  const isWanted = isOld ? connection.includes("keep-alive") : !connection.includes("close");
  return {
    headers,
    framing,
    isKept: isSure && !isOdd && isWanted && status !== 101,
    keptMs: keptMsIn(headers.get("keep-alive")),
  };
}

type SureFraming = { readonly framing: Framing; readonly isSure: boolean };

function framingOf(status: number, headers: ReadonlyMap<string, string>, isOld: boolean): SureFraming {
  const codings = tokensIn(headers.get("transfer-encoding"));
  const lengths = tokensIn(headers.get("content-length"));
  if (status === 101 || status === 204 || status === 304) return { framing: { kind: "none" }, isSure: true };
  if (codings.at(-1) === "chunked") {
    const isSure = codings.length === 1 && lengths.length === 0 && !isOld;
    return { framing: { kind: "chunked" }, isSure };
  }
  const [first] = lengths;
  const isLength = /^\d{1,15}$/.test(first ?? "") && lengths.every((length) => length === first);
  if (codings.length > 0 || !isLength) return { framing: { kind: "close" }, isSure: false };
  return { framing: { kind: "length", bytes: Number(first) }, isSure: lengths.length === 1 };
}

const tokensIn = (value: string | undefined): string[] =>
  value === undefined
    ? []
    : value
        .toLowerCase()
        .split(",")
        .map((token) => token.trim());

function keptMsIn(value: string | undefined): number | undefined {
  const seconds = /(?:^|[\s,])timeout=(\d{1,6})/i.exec(value ?? "")?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1000;
}
