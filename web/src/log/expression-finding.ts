/**
 * Searches for an RE2 expression, in time that grows with the text: the browser's own expressions may backtrack for
 * minutes in one line. The bounds of an expression are those of a filter.
 */
import { RE2JS } from "re2js";
import { readPattern } from "../../../src/core/patterns/pattern.ts";
import { type Finding, type Place, placesMax } from "./finding.ts";

/** The most instructions times characters for one text: a tenth of a second at worst. */
const workMax = 1_000_000;
/** After this long no further matches are looked for in a text: each of them may look through all of it. */
const placesMsMax = 20;

/** The search for `expression`, in any case; a text says why it cannot be used. */
export function findingOf(asked: string, expression: string): Finding | string {
  const pattern = readPattern(`(?i)${expression}`);
  if (typeof pattern === "string") return `“${expression}” is no expression that can be used: ${pattern}.`;
  const compiled = RE2JS.compile(pattern.text);
  const charsMax = Math.floor(workMax / pattern.instructions);
  return {
    asked,
    isIn: (text) => compiled.test(text.slice(0, charsMax)),
    placesIn: (text) => {
      const places: Place[] = [];
      const endMs = performance.now() + placesMsMax;
      const matcher = compiled.matcher(text.slice(0, charsMax));
      while (places.length < placesMax && performance.now() < endMs && matcher.find())
        if (matcher.end() > matcher.start()) places.push([matcher.start(), matcher.end()]);
      return places;
    },
  };
}
