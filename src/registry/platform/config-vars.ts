/** Config vars and changes to them. Pure. */
import { configInvalid } from "../../errors/platform.ts";

const configLimits = { nameCharsMax: 128, bytesMax: 32 * 1024 } as const;

type ConfigVars = Readonly<Record<string, string>>;
/** Null removes a var. */
export type ConfigChanges = Readonly<Record<string, unknown>>;

const nameForm = /^[A-Za-z_][A-Za-z0-9_.-]*$/;

/** The vars after `changes`: all of them or none. Names are checked because they are shown in the log. */
export function configAfter(config: ConfigVars, changes: ConfigChanges): ConfigVars {
  const after = new Map(Object.entries(config));
  for (const [name, value] of Object.entries(changes)) {
    if (!nameForm.test(name) || name.length > configLimits.nameCharsMax)
      throw configInvalid(`"${name.slice(0, 40)}" cannot be the name of a variable`);
    if (value === null) after.delete(name);
    else if (["string", "number", "boolean"].includes(typeof value)) after.set(name, String(value));
    else throw configInvalid(`the value of ${name} is no text`);
    if (after.get(name)?.includes("\0")) throw configInvalid(`the value of ${name} has a zero byte in it`);
  }
  const vars = Object.fromEntries(after);
  if (Buffer.byteLength(JSON.stringify(vars)) > configLimits.bytesMax)
    throw configInvalid(`together they have more than ${configLimits.bytesMax / 1024} KiB`);
  return vars;
}

/** A change in Heroku's words: `Set A, B config vars`. Never includes values. */
export function configWords(changes: ConfigChanges): string {
  const names = (isRemoved: boolean) =>
    Object.entries(changes).flatMap(([name, value]) => ((value === null) === isRemoved ? [name] : []));
  return [["Set", names(false)] as const, ["Remove", names(true)] as const]
    .filter(([, of]) => of.length > 0)
    .map(([verb, of]) => `${verb} ${of.join(", ")} config vars`)
    .join(" and ");
}
