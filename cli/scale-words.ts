/** Numbers and sizes of dynos as people write them: `web=3`, `worker+1`, `web=2:Standard-2X`. */
import { InvalidArgumentError } from "commander";
import type { FormationUpdate } from "./api/api-types.ts";

const form = /^([A-Za-z0-9][A-Za-z0-9_-]*)(?:=([0-9]+)|([+-][0-9]+))(?::([A-Za-z0-9-]+))?$/;

export function scalesIn(words: readonly string[]): readonly FormationUpdate[] {
  return words.map((word) => {
    const [, type, number, change, size] = form.exec(word.trim()) ?? [];
    if (type === undefined)
      throw new InvalidArgumentError(`"${word}" is no number of dynos: write it as web=2 or worker+1.`);
    return { type, quantity: (number ?? change)!, ...(size !== undefined && { size }) };
  });
}
