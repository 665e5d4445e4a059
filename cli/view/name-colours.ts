/**
 * Colours of names on a screen. While colours last, each name has its own for as long as the log is shown; it is the
 * same in every log, unless another name has already taken it.
 */
import type { Hue, Paint } from "./paint.ts";

/** Names with the colours that Heroku's command gives them, while these are free; red is only for errors. */
const standing: Readonly<Record<string, Hue>> = {
  web: "cyan",
  router: "magenta",
  run: "blue",
  postgres: "yellow",
  api: "green",
};

type Look = { readonly hue: Hue; readonly isBold: boolean };

const hues: readonly Hue[] = ["green", "yellow", "blue", "magenta", "cyan"];
const looks: readonly Look[] = [false, true].flatMap((isBold) => hues.map((hue) => ({ hue, isBold })));
/** How many names can have different colours. */
export const looksMax = looks.length;

/** Names that are remembered; beyond this, the oldest may get another colour. */
const namesMax = 1_000;

export class NameColours {
  readonly #looks = new Map<string, Look>();

  /**
   * Assigns colours to names that come together in the order of the names, so that it does not matter which comes
   * first.
   */
  see(names: Iterable<string>): void {
    const news = [...new Set(names)].filter((name) => !this.#looks.has(name));
    for (const name of news.sort()) this.#of(name);
  }

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

  // The colour that it prefers, or the next free one; if none is free, the one that it prefers.
  #next(name: string): Look {
    const preferred = preferredLook(name);
    const given = new Set(this.#looks.values());
    const turned = [...looks.slice(preferred), ...looks.slice(0, preferred)];
    return turned.find((look) => !given.has(look)) ?? looks[preferred]!;
  }
}

/** The first of a usual type has that type's colour everywhere; for other names, only the name decides. */
function preferredLook(name: string): number {
  const type = /^(.*?)(?:\.1)?$/s.exec(name)![1]!;
  const usual = Object.hasOwn(standing, type) ? hues.indexOf(standing[type]!) : -1;
  return usual === -1 ? hashOf(name) % looksMax : usual;
}

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash ^ (hash >>> 15)) >>> 0;
}
