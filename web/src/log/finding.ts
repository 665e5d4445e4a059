/** Searches within the lines that are loaded. */

/** A part of a text, half-open. */
export type Place = readonly [from: number, to: number];

export type Finding = {
  /** The text that was typed. */
  readonly asked: string;
  readonly isIn: (text: string) => boolean;
  /** The first matches in the text, `placesMax` at most. */
  readonly placesIn: (text: string) => readonly Place[];
};

/** So many matches are marked in a text. */
export const placesMax = 200;

/** The search for plain text. */
export function plainFinding(asked: string): Finding {
  const form = new RegExp(asked.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "gi");
  return {
    asked,
    isIn: (text) => text.search(form) !== -1,
    placesIn: (text) => {
      const places: Place[] = [];
      for (const { 0: found, index } of text.matchAll(form))
        if (places.push([index, index + found.length]) === placesMax) break;
      return places;
    },
  };
}
