/**
 * Text with colours (SGR) as spans of our own classes. Whatever else would drive a terminal, or turn the direction of text, is
 * written out: nothing that an app prints can hide, move or forge what is beside it.
 */
export type Span = { readonly text: string; readonly classes: string };

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const sgr = /\u001b\[([0-9:;]{0,64})m/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const control = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;
const colours = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"] as const;

type Style = { colour: string; bold: boolean; dim: boolean; italic: boolean; underline: boolean };
const plain = (): Style => ({ colour: "", bold: false, dim: false, italic: false, underline: false });

/** True when there is nothing but plain text in it. */
export const isPlain = (text: string): boolean => text.search(control) === -1;

/** The text without colours, everything else written out. */
export const withoutColours = (text: string): string => text.replace(sgr, "").replace(control, writtenOut);

export function spansOf(text: string): Span[] {
  if (isPlain(text)) return [{ text, classes: "" }];
  const spans: Span[] = [];
  const style = plain();
  let from = 0;
  const put = (to: number) => {
    if (to > from)
      spans.push({ text: text.slice(from, to).replace(control, writtenOut), classes: classesOf(style) });
  };
  for (const found of text.matchAll(sgr)) {
    put(found.index);
    apply(style, found[1]!);
    from = found.index + found[0].length;
  }
  put(text.length);
  return spans;
}

function apply(style: Style, codes: string): void {
  const numbers = codes === "" ? [0] : codes.split(/[;:]/).map(Number);
  for (let n = 0; n < numbers.length; n++) {
    const code = numbers[n]!;
    if (code === 0) Object.assign(style, plain());
    else if (code === 1) style.bold = true;
    else if (code === 2) style.dim = true;
    else if (code === 3) style.italic = true;
    else if (code === 4) style.underline = true;
    else if (code === 22) style.bold = style.dim = false;
    else if (code === 23) style.italic = false;
    else if (code === 24) style.underline = false;
    else if (code >= 30 && code <= 37) style.colour = colours[code - 30]!;
    else if (code >= 90 && code <= 97) style.colour = colours[code - 90]!;
    else if (code === 39) style.colour = "";
    else if (code === 38 || code === 48) {
      const isShort = numbers[n + 1] === 5;
      if (code === 38) style.colour = isShort ? ofIndex(numbers[n + 2]) : ofRgb(numbers.slice(n + 2, n + 5));
      n += isShort ? 2 : 4;
    }
  }
}

// Colours of the 256 and of RGB become the nearest of the eight, whose contrast is known in light and dark.
function ofIndex(index = 7): string {
  if (index < 16) return colours[index % 8]!;
  if (index >= 232) return "";
  const cube = index - 16;
  return ofRgb([Math.floor(cube / 36) * 51, (Math.floor(cube / 6) % 6) * 51, (cube % 6) * 51]);
}

function ofRgb([red = 0, green = 0, blue = 0]: readonly number[]): string {
  const high = Math.max(red, green, blue);
  if (high - Math.min(red, green, blue) < 40) return "";
  const bit = (part: number, at: number) => (part > high * 0.6 ? 1 << at : 0);
  return colours[bit(red, 0) | bit(green, 1) | bit(blue, 2)] ?? "";
}

const classesOf = ({ colour, bold, dim, italic, underline }: Style): string =>
  [colour && `c-${colour}`, bold && "bold", dim && "dim", italic && "italic", underline && "underline"]
    .filter(Boolean)
    .join(" ");

const writtenOut = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
