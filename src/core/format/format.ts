/**
 * Stored lines as readers see them: text (docs/spec/sessions.md#s6-1), JSON (one object per line) and raw (the syslog
 * frame on one line), each as plain lines or as server-sent events. A batch is formatted at once or in steps, since
 * half a megabyte may take a tenth of a second, and piece by piece, since a line of 256 KiB may be 45 MB of text: each of
 * its line breaks begins a line with a head of its own.
 */
import type { Placed } from "../batch/batch.ts";
import type { IndexedFrames } from "../batch/line-index.ts";
import type { Kept } from "../filter/line-filter.ts";
import type { Position } from "../position.ts";
import { JsonFormatting } from "./format-json.ts";
import { TextFormatting } from "./format-text.ts";

export type LineFormat = "text" | "json" | "raw";

/** `plain`: a line and a newline. `events`: one server-sent event per line, with its position as the event's id. */
export type Transport = "plain" | "events";

/** The look of lines for one kind of reader. */
export type Shape = { readonly format: LineFormat; readonly transport: Transport };

/** A place in a batch: after `skip` lines, or with `byte` in the middle of the next one, where the rest of it begins. */
export type Place = { readonly skip: number; readonly byte?: number | undefined };

/** The lines of a batch to show: those in `kept`, or all without it, but none before the place. */
export type Selection = Place & { readonly kept?: Kept | undefined };

/** `count` lines, ready to be sent; with `rest` they are a piece, and the others follow from that place. */
export type Formatted = { readonly bytes: Buffer; readonly count: number; readonly rest?: Place | undefined };

/**
 * The fields of a batch that a format needs. `at`: the position to print for every line, if lines have none of their
 * own.
 */
export type Formattable = IndexedFrames & (Placed | { readonly at: Position });

const all: Selection = { skip: 0 };
const never = () => false;

/** The selected lines of `batch`. */
export function formatBatch(batch: Formattable, shape: Shape, selection: Selection = all): Formatted {
  let piece = formattingOf(batch, shape, selection).go(never)!;
  if (piece.rest === undefined) return piece;
  const pieces = [piece];
  while (piece.rest !== undefined) {
    piece = formattingOf(batch, shape, { ...selection, ...piece.rest }).go(never)!;
    pieces.push(piece);
  }
  const count = pieces.reduce((sum, { count }) => sum + count, 0);
  return { bytes: Buffer.concat(pieces.map(({ bytes }) => bytes)), count };
}

/** Formats a batch in several runs if necessary. */
export type Formatting = {
  /** Continues until `isOver`, or to the end of the lines or of a piece, and then returns the result. */
  go(isOver: () => boolean): Formatted | undefined;
};

export const formattingOf = (batch: Formattable, shape: Shape, selection: Selection): Formatting =>
  shape.format === "json"
    ? new JsonFormatting(batch, shape, selection)
    : new TextFormatting(batch, shape, selection);
