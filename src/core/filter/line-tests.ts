/** Combines tests of a line. Uses loops instead of `every` and `some`, which would make a closure per line. */
import type { LineCursor } from "../batch/line-cursor.ts";

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
