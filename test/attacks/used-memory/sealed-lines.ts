/** Lines that say of themselves whose they are, which number they have, and that no byte of them was changed. */
import { crc32 } from "node:zlib";

/** App, stream of that app, and number in it. */
type Seal = { readonly app: string; readonly stream: string; readonly n: number };

/** Behind the seal stands what filters choose by and redactions take out. */
const form = /^SEAL (\S+) (\S+) (\d+) ([a-z]*) ([0-9a-f]{8}) END\b/;

const paddingBytesMax = 700;
const letters = "abcdefghijklmnopqrstuvwxyz";

const sumOf = (text: string): string => crc32(text).toString(16).padStart(8, "0");

/** Long and short ones take turns, and neighbours differ. */
export function sealed({ app, stream, n }: Seal): string {
  const length = n % 53 === 0 ? 5 * paddingBytesMax : (n * 97) % paddingBytesMax;
  const letter = letters[n % letters.length]!;
  const head = `SEAL ${app} ${stream} ${n} ${letter.repeat(length)}`;
  return `${head} ${sumOf(head)} END acct-${n} of user${n}@example.com`;
}

/** Throws when a byte of it is not as it was sealed. */
function readSeal(text: string): Seal {
  const match = form.exec(text);
  if (match === null) throw new Error(`no sealed line: ${JSON.stringify(text.slice(0, 200))}`);
  const [, app = "", stream = "", digits = "", padding = "", sum = ""] = match;
  if (sumOf(`SEAL ${app} ${stream} ${digits} ${padding}`) !== sum)
    throw new Error(`a line was changed: ${JSON.stringify(text.slice(0, 200))}`);
  return { app, stream, n: Number(digits) };
}

/** Lines of ours, about this test's: an app's log has them as well. */
const isNotice = (text: string): boolean => !text.includes("SEAL ") && /\bError L1[0-9]\b/.test(text);

/** What one receiver saw of one app, over all of its connections. */
export class Witness {
  readonly app: string;
  readonly name: string;
  /** The first thing that is wrong. */
  flaw: string | undefined;
  lines = 0;
  readonly #seen = new Map<string, Set<number>>();

  constructor(app: string, name: string) {
    this.app = app;
    this.name = name;
  }

  /**
   * Of one connection, or one request: there each stream's numbers only grow, or lines come once more behind later ones (a
   * replay), or the same of lines that were lost on their way.
   */
  reading(order: "grows" | "repeats" | "any" = "grows"): (text: string) => void {
    const last = new Map<string, number>();
    return (text) => {
      if (this.flaw !== undefined || isNotice(text)) return;
      try {
        const { app, stream, n } = readSeal(text);
        if (app !== this.app) throw new Error(`a line of ${app}`);
        let numbers = this.#seen.get(stream);
        if (numbers === undefined) this.#seen.set(stream, (numbers = new Set()));
        const isRepeat = order === "any" || (order === "repeats" && numbers.has(n));
        const before = last.get(stream) ?? -1;
        if (n <= before && !isRepeat)
          throw new Error(`${stream} ${n}${numbers.has(n) ? " again" : ""} behind ${before}`);
        if (!isRepeat) last.set(stream, n);
        this.lines++;
        numbers.add(n);
      } catch (error) {
        this.flaw = `${this.name}: ${(error as Error).message}`;
      }
    };
  }

  /** Numbers of a stream that it did not see, of the first `count`. */
  missing(stream: string, count: number): number {
    return count - (this.#seen.get(stream)?.size ?? 0);
  }
}
