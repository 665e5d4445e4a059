/** The fields of a message that is a JSON object, or that ends in `key=value` pairs (logfmt). Pure. */

/** In JSON a value can be anything; in logfmt it is a string. */
export type Field = readonly [key: string, value: unknown];

export type MessageFields = {
  readonly kind: "json" | "logfmt";
  /** The program's text; undefined if it only wrote fields. */
  readonly message: string | undefined;
  /** All other fields, in order. */
  readonly fields: readonly Field[];
};

/** The longest message that is parsed. A longer one counts as text. */
export const messageCharsMax = 65_536;

/** How many pairs make a text logfmt: a single one may be anything. */
const pairsMin = 2;

const messageKeys = ["msg", "message", "@message", "event", "text"];

/** The fields of a text; undefined if it is just text. */
export function readFields(text: string): MessageFields | undefined {
  if (text.length > messageCharsMax) return undefined;
  const trimmed = text.trim();
  if (trimmed.startsWith("{") && trimmed.endsWith("}")) return readJson(trimmed);
  return trimmed.includes("=") ? readLogfmt(trimmed) : undefined;
}

function readJson(text: string): MessageFields | undefined {
  let object: Readonly<Record<string, unknown>>;
  try {
    object = JSON.parse(text);
  } catch {
    return undefined;
  }
  return fieldsOf("json", Object.entries(object), undefined);
}

const pairForm = /([A-Za-z_@][\w.@/-]*)=(?:"((?:[^"\\]|\\.)*)"(?=\s|$)|(\S*))(?:\s+|$)/y;
const wordForm = /\S+(?:\s+|$)/y;

// The longest run of pairs at the end; the message is what comes before.
function readLogfmt(text: string): MessageFields | undefined {
  let pairs: Field[] = [];
  let from = 0;
  for (let at = 0; at < text.length; ) {
    pairForm.lastIndex = at;
    const pair = pairForm.exec(text);
    if (pair !== null) {
      pairs.push([pair[1]!, pair[2]?.replace(/\\(.)/g, unescaped) ?? pair[3]!]);
      at = pairForm.lastIndex;
      continue;
    }
    wordForm.lastIndex = at;
    wordForm.exec(text);
    from = at = wordForm.lastIndex;
    pairs = [];
  }
  if (pairs.length < pairsMin) return undefined;
  const opening = text.slice(0, from).trimEnd();
  return fieldsOf("logfmt", pairs, opening === "" ? undefined : opening);
}

const unescaped = (_: string, char: string): string => ({ n: "\n", t: "\t", r: "\r" })[char] ?? char;

function fieldsOf(
  kind: MessageFields["kind"],
  all: readonly Field[],
  opening: string | undefined,
): MessageFields {
  const key = opening === undefined ? messageKeyOf(all) : undefined;
  const said = all.find(([name]) => name === key);
  if (said === undefined) return { kind, message: opening, fields: all };
  return { kind, message: String(said[1]), fields: all.filter((field) => field !== said) };
}

const messageKeyOf = (all: readonly Field[]): string | undefined =>
  messageKeys.find((key) => all.some(([name, value]) => name === key && typeof value === "string"));

/** The value of a field by its name, or of a nested one by its path (`user.id`); undefined if there is none. */
export function fieldAt(fields: readonly Field[], path: string): unknown {
  const own = fields.find(([key]) => key === path);
  if (own !== undefined) return own[1];
  const [first, ...rest] = path.split(".");
  let value = fields.find(([key]) => key === first)?.[1];
  for (const key of rest) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[key];
  }
  return rest.length === 0 ? undefined : value;
}

/** A value in `key=value` form: strings without quotes where that is unambiguous, everything else as JSON. */
export function fieldText(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value) ?? "";
  return value !== "" && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}
