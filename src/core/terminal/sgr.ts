/**
 * Colours and other styles of text (SGR of ECMA-48): what is on after a sequence, and how to turn it on again. Pure;
 * for terminals, and for pages that show terminal text.
 */

/** A property of text that has one value at a time. */
export type SgrPart = "weight" | "italic" | "underline" | "inverse" | "strike" | "foreground" | "background";

/** The active styles: the parameters that turn each part on. Empty if all are off. */
export type SgrState = ReadonlyMap<SgrPart, string>;

export const sgrOff: SgrState = new Map();

/** For regular expressions: a sequence of only parameters, without a private prefix. No colour needs a longer one. */
export const sgrSource = "\\u001b\\[[0-9:;]{0,64}m";

/** A whole sequence; the first group holds its parameters. */
const sequenceForm = new RegExp(`^(?=${sgrSource}$)[^0-9:;m]*([0-9:;]*)m$`);

/** Text without colours. */
export const withoutSgr = (text: string): string => text.replace(sgrForm, "");
const sgrForm = new RegExp(sgrSource, "g");

/** Concealed (8) and blinking (5, 6) text is left out, so that the text of a log can always be read. */
const single: Readonly<Record<number, readonly [SgrPart, isOn: boolean]>> = {
  1: ["weight", true],
  2: ["weight", true],
  3: ["italic", true],
  4: ["underline", true],
  7: ["inverse", true],
  9: ["strike", true],
  21: ["underline", true],
  22: ["weight", false],
  23: ["italic", false],
  24: ["underline", false],
  27: ["inverse", false],
  29: ["strike", false],
  39: ["foreground", false],
  49: ["background", false],
};

/** The state after `sequence`. Unknown parameters change nothing. */
export function sgrAfter(state: SgrState, sequence: string): SgrState {
  let next = new Map(state);
  for (const { code, text } of parametersIn(sequence)) {
    if (code === 0) next = new Map();
    else put(next, code, text);
  }
  return next;
}

/** `sequence` with only the parameters that are known here; "" if there are none. */
export function knownSgr(sequence: string): string {
  const known = parametersIn(sequence).filter(({ code }) => code === 0 || partOf(code) !== undefined);
  return known.length === 0 ? "" : `\u001b[${known.map(({ text }) => text).join(";")}m`;
}

type Parameter = { readonly code: number; readonly text: string };

/** An extended colour counts as one parameter; an invalid one is left out. */
function parametersIn(sequence: string): Parameter[] {
  const given = sequenceForm.exec(sequence)?.[1]?.split(";") ?? [];
  const found: Parameter[] = [];
  for (let at = 0; at < given.length; at++) {
    const parameter = given[at]!;
    const code = Number(parameter.split(":")[0]);
    const isExtended = code === 38 || code === 48;
    const length = isExtended && !parameter.includes(":") ? colourLength(given, at) : 1;
    if (!isExtended || length > 1 || parameter.includes(":"))
      found.push({ code, text: given.slice(at, at + length).join(";") });
    at += length - 1;
  }
  return found;
}

function put(state: Map<SgrPart, string>, code: number, text: string): void {
  const [part, isOn] = partOf(code) ?? [];
  if (part === undefined) return;
  if (isOn) state.set(part, text);
  else state.delete(part);
}

function partOf(code: number): readonly [SgrPart, isOn: boolean] | undefined {
  if (isBetween(code, 30, 38) || isBetween(code, 90, 97)) return ["foreground", true];
  if (isBetween(code, 40, 48) || isBetween(code, 100, 107)) return ["background", true];
  return single[code];
}

/**
 * The number of parameters of an extended colour at `at`: three for `38;5;N`, five for `38;2;R;G;B`; one if it is not
 * valid.
 */
function colourLength(given: readonly string[], at: number): number {
  const length = { "5": 3, "2": 5 }[given[at + 1] ?? ""] ?? 1;
  return at + length <= given.length ? length : given.length - at;
}

const isBetween = (code: number, first: number, last: number): boolean => code >= first && code <= last;

/** The sequence that turns on the active styles; "" if there are none. */
export const sgrSequence = (state: SgrState): string =>
  state.size === 0 ? "" : `\u001b[${[...state.values()].join(";")}m`;
