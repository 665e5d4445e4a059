/**
 * What a person sees of the output of a terminal of some width: rows of characters, by a small terminal of our own that
 * knows no more than text, line ends and colours. Everything else is a mistake.
 */
import stringWidth from "string-width";
import { withoutSgr } from "../../src/core/terminal/sgr.ts";

const control = /\p{Cc}/u;

/** The rows; `starts` says of each whether a line feed began it, and not the edge of the terminal. */
type Rows = { readonly rows: readonly string[]; readonly starts: readonly boolean[] };

export function rowsOf(text: string, columns: number): Rows {
  const rows: string[] = [];
  const starts: boolean[] = [];
  const lines = text.replaceAll("\r\n", "\n").replace(/\n$/, "").split("\n");
  for (const line of lines) {
    const plain = withoutSgr(line);
    if (control.test(plain)) throw new Error(`a control: ${JSON.stringify(plain)}`);
    let row = "";
    let isStart = true;
    for (const { segment } of new Intl.Segmenter().segment(plain)) {
      if (stringWidth(row + segment) > columns) {
        rows.push(row);
        starts.push(isStart);
        isStart = false;
        row = "";
      }
      row += segment;
    }
    rows.push(row);
    starts.push(isStart);
  }
  return { rows, starts };
}
