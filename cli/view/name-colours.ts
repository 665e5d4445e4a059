/** The colours of names on a screen: each has its own while there are some, for as long as the log is shown. */
import type { Hue, Paint } from "./paint.ts";

/** Names whose colours Heroku's command gave them, while these are free; red is for errors alone. */
const standing: Readonly<Record<string, Hue>> = {
  web: "cyan",
  router: "magenta",
  run: "blue",
  postgres: "yellow",
  api: "green",
};

type Look = { readonly hue: Hue; readonly isBold: boolean };

/** Those that no usual name asks for come first; bold ones when all others are given. */
const hues: readonly Hue[] = ["green", "yellow", "blue", "magenta", "cyan"];
const looks: readonly Look[] = [false, true].flatMap((isBold) => hues.map((hue) => ({ hue, isBold })));
/** Names that differ by their colour alone. */
export const looksMax = looks.length;

/** Names that are remembered; of more, the one that came first may get another colour. */
const namesMax = 1_000;

export class NameColours {
  readonly #looks = new Map<string, Look>();

  /** `text` in the colour of `name`. */
  painted(name: string, text: string, paint: Paint): string {
    const { hue, isBold } = this.#of(name);
    return paint.hue(hue, isBold ? paint.bold(text) : text);
  }

  #of(name: string): Look {
    const known = this.#looks.get(name);
    if (known !== undefined) return known;
    const look = this.#next(name);
    this.#looks.set(name, look);
    if (this.#looks.size > namesMax) this.#looks.delete(this.#looks.keys().next().value!);
    return look;
  }

  #next(name: string): Look {
    if (this.#looks.size >= looksMax) return looks[this.#looks.size % looksMax]!;
    const given = new Set(this.#looks.values());
    const free = looks.filter((look) => !given.has(look));
    const type = /^[^.]*/.exec(name)![0];
    const usual = Object.hasOwn(standing, type) ? standing[type] : undefined;
    return free.find(({ hue, isBold }) => hue === usual && !isBold) ?? free[0]!;
  }
}
