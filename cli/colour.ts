/** Colours for terminals: one per process type, as in the heroku command. The text itself is unchanged. */

/** `TIME SOURCE[TYPE.N]:`, complete and at the start: nothing that an app writes after its head can pass for one. */
const headForm =
  /^[\x21-\x7e]+ [\x21-\x5a\x5c-\x7e]+\[([\x21-\x2d\x2f-\x5c\x5e-\x7e]*)[\x21-\x5c\x5e-\x7e]*\]:/;
const standing: Readonly<Record<string, number>> = {
  web: 36,
  router: 35,
  run: 34,
  postgres: 33,
  heroku: 32,
  api: 32,
};
const others = [32, 33, 34, 35, 36, 92, 93, 94, 95, 96];

/** Colours the part of a line up to `SOURCE[PROCESS]:`; a line without one is unchanged. */
export function colourLine(line: string): string {
  const match = headForm.exec(line);
  if (match === null) return line;
  const [head, type = ""] = match;
  return `\u001b[${colourOf(type)}m${head}\u001b[39m${line.slice(head.length)}`;
}

/** Colours a name. */
export const colourName = (name: string): string => `\u001b[${colourOf(name)}m${name}\u001b[39m`;

function colourOf(type: string): number {
  if (Object.hasOwn(standing, type)) return standing[type]!;
  let hash = 0;
  for (let i = 0; i < type.length; i++) hash = (hash * 31 + type.charCodeAt(i)) >>> 0;
  return others[hash % others.length]!;
}
