/** Text in columns of a terminal: measured, cut and wrapped. Colours (SGR) have no width, and no row leaves one on. */
import stringWidth from "string-width";
import { type SgrState, sgrAfter, sgrOff, sgrSequence, sgrSource } from "../../src/core/terminal/sgr.ts";

/** A colour, or the longest run of plain ASCII, or of anything else. */
const pieceForm = new RegExp(`${sgrSource}|[\\x20-\\x7e]+|[^\\x20-\\x7e\\u001b]+|\\u001b`, "g");
const sgrForm = new RegExp(`^${sgrSource}$`);
const reset = "\u001b[0m";
const graphemes = new Intl.Segmenter();

/** Something that is never cut: a colour, or a character with its combining characters. */
type Atom = { readonly text: string; readonly width: number };

function* atomsOf(text: string): Generator<Atom> {
  for (const [piece] of text.matchAll(pieceForm)) {
    if (sgrForm.test(piece)) yield { text: piece, width: 0 };
    else if (/^[\x20-\x7e]/.test(piece)) for (const char of piece) yield { text: char, width: 1 };
    else for (const segment of segmentsOf(piece)) yield { text: segment, width: widthOfSegment(segment) };
  }
}

/** Node 20 takes time that grows with the square of a text's length, so a long one is segmented in blocks of this. */
const blockChars = 512;

function* segmentsOf(text: string): Generator<string> {
  for (let from = 0; from < text.length; ) {
    let held = "";
    const start = from;
    const isPairCut = /[\ud800-\udbff]/.test(text[start + blockChars - 1] ?? "");
    const end = start + blockChars - (isPairCut ? 1 : 0);
    for (const { segment } of graphemes.segment(text.slice(start, end))) {
      if (held !== "") yield held;
      from += held.length;
      held = segment;
    }
    // The last one of a block may go on in the next, which begins with it.
    if (from > start && end < text.length) continue;
    yield held;
    from += held.length;
  }
}

/** Widths that were measured: each takes some 50 µs, and a line may have 80,000 characters that are not ASCII. */
const widths = new Map<string, number>();
const widthsMax = 20_000;
/** A longer segment (a letter with thousands of combining characters) is not kept. */
const segmentCharsMax = 16;

function widthOfSegment(segment: string): number {
  const known = widths.get(segment);
  if (known !== undefined) return known;
  const width = stringWidth(segment);
  if (segment.length > segmentCharsMax) return width;
  if (widths.size >= widthsMax) widths.clear();
  widths.set(segment, width);
  return width;
}

/** True if a text has no more than `width` columns. It looks no further than that. */
function fits(text: string, width: number): boolean {
  let used = 0;
  for (const atom of atomsOf(text)) if ((used += atom.width) > width) return false;
  return true;
}

/** The width of a text in columns. */
export function widthOf(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let width = 0;
  for (const atom of atomsOf(text)) width += atom.width;
  return width;
}

/** `text` padded with spaces to `width` columns. */
export const padTo = (text: string, width: number): string =>
  text + " ".repeat(Math.max(0, width - widthOf(text)));

const tabWidth = 8;

/** Replaces tabs by the spaces that they stand for, counted from the start of the text. */
export function withoutTabs(text: string): string {
  if (!text.includes("\t")) return text;
  let shown = "";
  let column = 0;
  for (const part of text.split(/(\t)/)) {
    const piece = part === "\t" ? " ".repeat(tabWidth - (column % tabWidth)) : part;
    shown += piece;
    column += widthOf(piece);
  }
  return shown;
}

/** `text` cut to `width` columns; `mark`, one column wide, stands for what is left out. */
export function cutTo(text: string, width: number, mark: string): string {
  if (fits(text, width)) return text;
  let shown = "";
  let used = 0;
  for (const atom of atomsOf(text)) {
    if (used + atom.width > width - 1) break;
    shown += atom.text;
    used += atom.width;
  }
  return width < 1 ? "" : closed(sgrOff, shown) + mark;
}

/** `name` shortened to `width` columns in its middle, because names differ at their ends. */
export function shortened(name: string, width: number, mark: string): string {
  if (widthOf(name) <= width) return name;
  const chars = [...atomsOf(name)].map((atom) => atom.text);
  const kept = Math.max(0, width - 1);
  const tail = Math.floor(kept / 2);
  return chars.slice(0, kept - tail).join("") + mark + chars.slice(chars.length - tail).join("");
}

/**
 * Rows of at most `width` columns. A row ends between words; a word that is longer than a row is broken after a
 * separator, or anywhere if it has none. Spaces at a break are left out, so that no message can place text where it
 * likes on the next row. Colours end with a row and resume on the next.
 */
export function wrapped(text: string, width: number): string[] {
  if (width < 1 || fits(text, width)) return [closed(sgrOff, text)];
  const atoms = [...atomsOf(text)];
  const rows: string[] = [];
  let colours = sgrOff;
  for (let from = 0; from < atoms.length; ) {
    const end = rowEnd(atoms, from, width);
    const row = atoms.slice(from, end);
    const shown = row.map((atom) => atom.text).join("");
    if (row.some((atom) => atom.width > 0) || rows.length === 0) rows.push(closed(colours, shown));
    colours = activeAfter(colours, shown);
    from = end;
    while (atoms[from]?.text === " ") from++;
  }
  return rows;
}

/** The end of the row that begins at `from`. */
function rowEnd(atoms: readonly Atom[], from: number, width: number): number {
  let used = 0;
  let full = from;
  for (; full < atoms.length; full++) {
    used += atoms[full]!.width;
    if (used > width && used > atoms[full]!.width) break;
  }
  if (full === atoms.length || isBlank(atoms[full]!)) return full;
  return breakIn(atoms, from, full, width, isBlank) ?? breakIn(atoms, from, full, width, endsPart) ?? full;
}

const isBlank = ({ text }: Atom): boolean => text === " ";
const endsPart = ({ text }: Atom): boolean => /^[ /\\,;:&?=|]$/.test(text);

/** The last possible break up to `full` at which everything up to the next one fits into a row. */
function breakIn(
  atoms: readonly Atom[],
  from: number,
  full: number,
  width: number,
  endsHere: (atom: Atom) => boolean,
): number | undefined {
  let at = full;
  while (at > from && !endsHere(atoms[at - 1]!)) at--;
  if (!atoms.slice(from, at).some((atom) => atom.width > 0 && atom.text !== " ")) return undefined;
  let used = 0;
  for (let next = at; next < atoms.length; next++) {
    const atom = atoms[next]!;
    if (atom.text !== " ") used += atom.width;
    if (used > width) return undefined;
    if (endsHere(atom)) break;
  }
  return at;
}

function closed(before: SgrState, text: string): string {
  const shown = sgrSequence(before) + text;
  return sgrSequence(activeAfter(before, text)) === "" ? shown : shown + reset;
}

/** The styles after `text`, if `before` was active in front of it. */
function activeAfter(before: SgrState, text: string): SgrState {
  if (!text.includes("\u001b")) return before;
  let active = before;
  for (const [piece] of text.matchAll(pieceForm)) if (sgrForm.test(piece)) active = sgrAfter(active, piece);
  return active;
}
