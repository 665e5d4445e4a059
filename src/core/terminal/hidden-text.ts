/**
 * Characters that are invisible, or that reorder or hide others: in a log they make two texts look alike, or put text
 * where nobody looks for it. For a `RegExp` with the flag `u`. Those that shape visible text are allowed where they do
 * so: a joiner in an emoji or after a letter of a script that needs it, a variation selector after its base, the tags
 * of a flag.
 */

/** Scripts whose spelling uses joiners. */
const joined = "Arab Syrc Mong Deva Beng Guru Gujr Orya Taml Telu Knda Mlym Sinh Khmr"
  .split(" ")
  .map((script) => `\\p{Script=${script}}`)
  .join("");
/** Visible characters of the category Cf: they stand above the digits that follow. */
const seen = "[\\u0600-\\u0605\\u06dd\\u070f\\u0890\\u0891\\u08e2\\u{110bd}\\u{110cd}]";
const joiner = "[\\u200c\\u200d]";
const picture = "\\p{Extended_Pictographic}";
const tag = "[\\u{e0030}-\\u{e0039}\\u{e0061}-\\u{e007a}]";
const selector = "[\\ufe00-\\ufe0f\\u{e0100}-\\u{e01ef}\\u180b-\\u180d\\u180f]";

/** Allowed before an emoji's joiner. */
const joinable = `${picture}\\ufe0f?|\\p{Emoji_Modifier}`;
/** Allowed before a variation selector. */
const varied = `${picture}|[\\p{Ideographic}\\p{Sm}\\p{Script=Mong}]`;
const tags = "[\\u{e0030}-\\u{e007f}]";

/** Each alternative begins with the character itself, so that texts without any are skipped fast. */
export const hiddenSource = [
  "[\\u2028\\u2029]",
  `[\\p{Cf}\\p{Default_Ignorable_Code_Point}](?<!${seen}|${joiner}|${selector}|${tags})`,
  `${joiner}(?<!(?:${joinable}|[${joined}])${joiner})`,
  `(?:\\u200c|\\u200d(?!${picture}))(?<=(?:${joinable})${joiner})`,
  `${selector}(?<!(?:${varied})${selector}|[0-9#*]\\ufe0f(?=\\u20e3))`,
  `${tags}(?<!\\u{1f3f4}${tag}{0,6}${tags})`,
].join("|");

/** In JSON's notation: each UTF-16 unit as `\\uXXXX`. */
export const writtenOut = (text: string): string =>
  text
    .split("")
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .join("");
