/**
 * The text that may reach a terminal: text, tabs, line ends and colours (SGR). Everything else that controls a terminal
 * is written out as `\uXXXX`, which is also valid in JSON strings: an app can neither set the title, nor clear the
 * screen, nor move the cursor back to write a head in another's name, nor hide text or make it blink, nor write what
 * cannot be seen. Lines that go into a pipe do not come through here.
 */

import { hiddenSource, writtenOut } from "./hidden-text.ts";
import { knownSgr, sgrAfter, sgrOff, sgrSource } from "./sgr.ts";

/** C0, DEL and C1, and everything invisible. */
const special = new RegExp(`${sgrSource}|[\\u0000-\\u001f\\u007f-\\u009f]|${hiddenSource}`, "gu");
const reset = "\u001b[0m";

/** `text` as the terminal gets it. Colours of one line never reach the next; without `colours` they are removed. */
export function terminalText(text: string, colours: boolean): string {
  let looks = sgrOff;
  const shown = text.replace(special, (found) => {
    if (found === "\t") return found;
    if (found === "\n") {
      const end = looks.size > 0 ? `${reset}\n` : "\n";
      looks = sgrOff;
      return end;
    }
    if (found.length === 1 || !found.startsWith("\u001b")) return writtenOut(found);
    if (!colours) return "";
    looks = sgrAfter(looks, found);
    return knownSgr(found);
  });
  return looks.size > 0 ? shown + reset : shown;
}

/**
 * One line of the command's own layout: a cell or a fact. A character that some program takes for its end is written
 * out, even in pipes.
 */
export const oneLine = (text: string): string => text.replace(/[\n\v\f\r\u0085\u2028\u2029]/g, writtenOut);
