/**
 * Text with colours (SGR) as spans of our own classes. Everything else that would control a terminal, or change the
 * direction of text, is written out: nothing that an app prints can hide, move or forge what is next to it.
 */
import { hiddenSource, writtenOut } from "../../../src/core/terminal/hidden-text.ts";
import { type SgrPart, type SgrState, sgrAfter, sgrOff, sgrSource } from "../../../src/core/terminal/sgr.ts";
import { lookOf, type SpanStyle } from "./sgr-colours.ts";

type Span = { readonly text: string; readonly classes: string; readonly style?: SpanStyle };

const sgr = new RegExp(sgrSource, "g");
const control = new RegExp(`[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f]|${hiddenSource}`, "gu");
/** A colour has at least three characters; it separates what is on either side. */
const either = new RegExp(`${sgrSource}|${control.source}`, "gu");

/** True if it is only plain text. */
const isPlain = (text: string): boolean => text.search(control) === -1;

/** The text without colours, and with everything else written out. */
export const withoutColours = (text: string): string =>
  text.replace(either, (found) => (found.length > 2 ? "" : writtenOut(found)));

/** Text of others that has no colours, as a name: all that hides, moves or forges is written out. */
export const shownText = (text: string): string => (isPlain(text) ? text : text.replace(control, writtenOut));

export function spansOf(text: string): Span[] {
  if (isPlain(text)) return [{ text, classes: "" }];
  const spans: Span[] = [];
  let state = sgrOff;
  let from = 0;
  const put = (to: number) => {
    if (to > from) spans.push(spanOf(text.slice(from, to).replace(control, writtenOut), state));
  };
  for (const found of text.matchAll(sgr)) {
    put(found.index);
    state = sgrAfter(state, found[0]);
    from = found.index + found[0].length;
  }
  put(text.length);
  return spans;
}

const flags: readonly (readonly [SgrPart, string])[] = [
  ["italic", "italic"],
  ["underline", "underline"],
  ["strike", "strike"],
];

function spanOf(text: string, state: SgrState): Span {
  if (state.size === 0) return { text, classes: "" };
  const { classes, style } = lookOf(state);
  const weight = state.get("weight");
  const all = [
    ...classes,
    ...(weight === undefined ? [] : [weight === "1" ? "bold" : "dim"]),
    ...flags.flatMap(([part, name]) => (state.has(part) ? [name] : [])),
  ];
  return { text, classes: all.join(" "), ...(style && { style }) };
}
