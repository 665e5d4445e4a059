/** Calls of a client that were written down from its source, sent again with all that its answers have to hold. */
import { readFileSync } from "node:fs";

/** `string`, `bool`, `int`, `time`, `*KIND` (may be null or absent), `map of string`, `list`, `anything`; fields; a list of those. */
type Shape = string | { readonly [field: string]: Shape } | readonly Shape[];
type RecordedCall = {
  readonly call: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly status: number;
  /** A name in `types`, or a list of what a name stands for. */
  readonly decode: string | readonly [string];
  /** Names for fields of the answer, which stand in later paths. */
  readonly keep?: Readonly<Record<string, string>>;
};
type Recording = {
  readonly headers: Readonly<Record<string, string>>;
  readonly types: Readonly<Record<string, Shape>>;
  readonly calls: readonly RecordedCall[];
};

export const recording = (name: string): Recording =>
  JSON.parse(readFileSync(new URL(`../fixtures/heroku/${name}.json`, import.meta.url), "utf8"));

/** Sends a call; resolves with what is wrong with its answer, in words, and with what is kept of it. */
export async function replay(
  { headers, types }: Recording,
  { method, path, headers: more, body, status, decode, keep = {}, call }: RecordedCall,
  base: string,
  kept: Map<string, string>,
  authorization: string,
): Promise<readonly string[]> {
  const at = path.replace(/\{(\w+)\}/g, (_, name: string) => kept.get(name)!);
  const response = await fetch(base + at, {
    method,
    headers: { ...headers, ...more, authorization },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (response.status !== status) return [`${call}: ${response.status} ${text}`];
  const answer = JSON.parse(text);
  for (const [name, field] of Object.entries(keep)) kept.set(name, answer[field]);
  const shape = typeof decode === "string" ? types[decode]! : [types[decode[0]]!];
  return misfits(answer, shape, call);
}

/** Where a value is not of its shape. Go and Python leave out fields that they do not know. */
function misfits(value: unknown, shape: Shape, at: string): string[] {
  if (typeof shape === "string")
    return fits(value, shape) ? [] : [`${at}: ${JSON.stringify(value)} is no ${shape}`];
  if (Array.isArray(shape)) {
    if (!Array.isArray(value)) return [`${at}: is no list`];
    return value.flatMap((one, n) => misfits(one, shape[0], `${at}[${n}]`));
  }
  if (typeof value !== "object" || value === null) return [`${at}: is no object`];
  return Object.entries(shape).flatMap(([field, kind]) =>
    misfits((value as Record<string, unknown>)[field], kind, `${at}.${field}`),
  );
}

function fits(value: unknown, shape: string): boolean {
  if (shape.startsWith("*")) return value === null || value === undefined || fits(value, shape.slice(1));
  return kinds[shape]!(value);
}

const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;
const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

const kinds: Readonly<Record<string, (value: unknown) => boolean>> = {
  string: (value) => typeof value === "string",
  bool: (value) => typeof value === "boolean",
  int: (value) => Number.isInteger(value),
  time: (value) => typeof value === "string" && rfc3339.test(value),
  object: isObject,
  list: Array.isArray,
  "map of string": (value) => isObject(value) && Object.values(value).every((one) => typeof one === "string"),
  anything: () => true,
};
