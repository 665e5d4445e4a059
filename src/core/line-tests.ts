/** Tests of a line, joined. Loops, not calls with a function: these would make one for each line. */
import type { LineCursor } from "./line-cursor.ts";

export type LineTest = (line: LineCursor) => boolean;

export const passesAll =
  (tests: readonly LineTest[]): LineTest =>
  (line) => {
    for (let at = 0; at < tests.length; at++) if (!tests[at]!(line)) return false;
    return true;
  };

export const passesAny =
  (tests: readonly LineTest[]): LineTest =>
  (line) => {
    for (let at = 0; at < tests.length; at++) if (tests[at]!(line)) return true;
    return false;
  };
