/**
 * Colours that an app asks for (SGR), adapted to the page: a terminal's eight colours are the page's own, which are
 * readable in light and dark; for all others, lightness is adjusted until their text can be read. Pure.
 */
import type { SgrState } from "../../../src/core/terminal/sgr.ts";

export type Rgb = readonly [red: number, green: number, blue: number];

/** Custom properties of one span, which its classes use. */
export type SpanStyle = Readonly<Record<`--${string}`, string>>;
type Look = { readonly classes: readonly string[]; readonly style?: SpanStyle };

const names = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"] as const;
const palette: readonly Rgb[] = [
  [0, 0, 0],
  [205, 49, 49],
  [13, 188, 121],
  [229, 229, 16],
  [36, 114, 200],
  [188, 63, 188],
  [17, 168, 205],
  [229, 229, 229],
  [102, 102, 102],
  [241, 76, 76],
  [35, 209, 139],
  [245, 245, 67],
  [59, 142, 234],
  [214, 112, 214],
  [41, 184, 219],
  [255, 255, 255],
];
const cube = [0, 95, 135, 175, 215, 255] as const;

/** Luminance of the darkest row in light mode, and of the lightest in dark mode. */
export const rowLuminance = { light: 0.84, dark: 0.035 } as const;
/** Contrast of text with its background (WCAG 2.2, 1.4.3). */
export const contrastMin = 4.5;

/** The classes and colours of text in this state. */
export function lookOf(state: SgrState): Look {
  const foreground = colourIn(state.get("foreground"));
  const background = colourIn(state.get("background"));
  const isInverse = state.has("inverse");
  const [front, back] = isInverse ? [background, foreground] : [foreground, background];
  if (back !== undefined) {
    const text = front === undefined ? extremeOn(back.rgb) : readableOn(front.rgb, luminance(back.rgb));
    return { classes: ["sgr-on"], style: { "--sgr-text": hex(text), "--sgr-back": hex(back.rgb) } };
  }
  if (isInverse) return { classes: ["inverse"] };
  if (front === undefined) return { classes: [] };
  if (front.name !== undefined) return { classes: [front.name] };
  const of = (scheme: "light" | "dark") => hex(readableOn(front.rgb, rowLuminance[scheme]));
  return { classes: ["sgr-text"], style: { "--sgr-light": of("light"), "--sgr-dark": of("dark") } };
}

type Colour = { readonly rgb: Rgb; readonly name?: string };

/** The colour that these SGR parameters turn on: `31`, `97`, `48;5;208`, `38:2::255:128:0`. */
function colourIn(parameters: string | undefined): Colour | undefined {
  if (parameters === undefined) return undefined;
  const [code = 0, mode, ...rest] = parameters.split(/[;:]/).map(Number);
  if (mode === undefined) return ofIndex((code % 10) + (code >= 90 ? 8 : 0));
  if (mode === 5) return ofIndex(Math.min(255, rest[0] ?? 0));
  // Between colons there may be the number of a colour space.
  const [red = 0, green = 0, blue = 0] = parameters.includes(":") && rest.length > 3 ? rest.slice(1) : rest;
  return { rgb: [byteOf(red), byteOf(green), byteOf(blue)] };
}

function ofIndex(index: number): Colour {
  if (index < 16) return { rgb: palette[index]!, name: index === 8 ? "dim" : `c-${names[index % 8]}` };
  if (index >= 232) {
    const grey = 8 + 10 * (index - 232);
    return { rgb: [grey, grey, grey] };
  }
  const at = index - 16;
  return { rgb: [cube[Math.floor(at / 36)]!, cube[Math.floor(at / 6) % 6]!, cube[at % 6]!] };
}

/**
 * A colour of the same hue that is readable on a background of this luminance: the nearest one, towards black or white.
 */
function readableOn(colour: Rgb, ground: number): Rgb {
  const extreme: Rgb = contrast(0, ground) > contrast(1, ground) ? [0, 0, 0] : [255, 255, 255];
  let mixed = colour;
  for (let step = 1; step <= steps && contrast(luminance(mixed), ground) < contrastMin; step++)
    mixed = mix(colour, extreme, step / steps);
  return mixed;
}
const steps = 20;

const extremeOn = (ground: Rgb): Rgb =>
  contrast(0, luminance(ground)) > contrast(1, luminance(ground)) ? [0, 0, 0] : [255, 255, 255];

const mix = (one: Rgb, other: Rgb, share: number): Rgb => [
  Math.round(one[0] + (other[0] - one[0]) * share),
  Math.round(one[1] + (other[1] - one[1]) * share),
  Math.round(one[2] + (other[2] - one[2]) * share),
];

/** Relative luminance of sRGB (WCAG 2.2). */
export function luminance([red, green, blue]: Rgb): number {
  const linear = (part: number) =>
    part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4;
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
}

/** The contrast of two luminances, from 1 to 21. */
export const contrast = (one: number, other: number): number =>
  (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);

const byteOf = (part: number): number => Math.max(0, Math.min(255, Math.round(part) || 0));
const hex = (rgb: Rgb): string => `#${rgb.map((part) => part.toString(16).padStart(2, "0")).join("")}`;
