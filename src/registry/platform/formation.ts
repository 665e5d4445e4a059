/** The wanted dynos of each process type, and changes to them. Pure. */
import { formationInvalid, processTypeUnknown } from "../../errors/platform.ts";
import { defaultSize, sizeNamed, sizeNames } from "./dyno-sizes.ts";
import type { FormationEntry } from "./platform-records.ts";

/** `dynosMax`: of all types; a runner reports some more, which are one-off dynos (`core/records/runner-report.ts`). */
export const formationLimits = {
  typesMax: 50,
  quantityMax: 100,
  dynosMax: 500,
  commandCharsMax: 8_192,
} as const;

/** A change of one type, as clients send it: a number, or `+1`, `-1`, `3` as text. */
export type FormationUpdate = {
  readonly type: string;
  readonly quantity?: number | string | null;
  readonly size?: string | { readonly name?: string } | null;
};

const typeForm = /^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/;

/** Names of process types, which appear in log lines, as `web` does in `web.1`. */
const isProcessType = (text: string): boolean => typeForm.test(text);

/** The formation after `updates`, all of them or none: throws if one is impossible. */
export function scaled(
  formation: readonly FormationEntry[],
  updates: readonly FormationUpdate[],
): readonly FormationEntry[] {
  const after = updates.reduce<readonly FormationEntry[]>((entries, { type, quantity, size }) => {
    if (!entries.some((entry) => entry.type === type)) throw processTypeUnknown(type, formation);
    return entries.map((entry) => {
      if (entry.type !== type) return entry;
      return {
        ...entry,
        quantity: quantityAfter(entry.quantity, quantity),
        size: sizeAfter(entry.size, size),
      };
    });
  }, formation);
  refuseMore(formation, after);
  return after;
}

/** The formation for a new Procfile: existing types keep their numbers and sizes, new ones get one dyno. */
export function deployed(
  formation: readonly FormationEntry[],
  commands: Readonly<Record<string, string>>,
): readonly FormationEntry[] {
  const types = Object.entries(commands);
  const { typesMax, commandCharsMax } = formationLimits;
  if (types.length > typesMax) throw formationInvalid(`a Procfile has ${typesMax} process types at most`);
  const after = types.map(([type, command]) => {
    if (!isProcessType(type)) throw formationInvalid(`"${type.slice(0, 40)}" is no name of a process type`);
    if (command.length > commandCharsMax)
      throw formationInvalid(`the command of ${type} has more than ${commandCharsMax} characters`);
    const before = formation.find((entry) => entry.type === type);
    return { quantity: 1, size: defaultSize, ...before, type, command };
  });
  refuseMore(formation, after);
  return after;
}

/** Throws if there would be more dynos than before, and too many. */
function refuseMore(before: readonly FormationEntry[], after: readonly FormationEntry[]): void {
  const { dynosMax } = formationLimits;
  const dynos = dynosOf(after);
  if (dynos > dynosMax && dynos > dynosOf(before))
    throw formationInvalid(`an app has ${dynosMax} dynos at most, and would have ${dynos}`);
}

const dynosOf = (formation: readonly FormationEntry[]): number =>
  formation.reduce((sum, { quantity }) => sum + quantity, 0);

/** `web@3:Standard-1X worker@1:Standard-1X`, as Heroku writes it. */
export const formationText = (formation: readonly FormationEntry[]): string =>
  formation.map(({ type, quantity, size }) => `${type}@${quantity}:${size}`).join(" ");

function quantityAfter(before: number, change: FormationUpdate["quantity"]): number {
  if (change === undefined || change === null) return before;
  const [, sign, digits] = /^([+-]?)([0-9]{1,4})$/.exec(String(change)) ?? [];
  const { quantityMax } = formationLimits;
  if (digits === undefined) throw formationInvalid(`"${String(change).slice(0, 20)}" is no number of dynos`);
  const after = sign === "" ? Number(digits) : Math.max(0, before + Number(`${sign}${digits}`));
  if (after > quantityMax) throw formationInvalid(`a process type has ${quantityMax} dynos at most`);
  return after;
}

function sizeAfter(before: string, change: FormationUpdate["size"]): string {
  const name = typeof change === "object" ? change?.name : change;
  if (name === undefined || name === null || name === "") return before;
  const size = sizeNamed(name);
  if (size !== undefined) return size;
  throw formationInvalid(`there is no size "${name.slice(0, 30)}"; there are ${sizeNames.join(", ")}`);
}
