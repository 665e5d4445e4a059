/** A line of Heroku's router, and the codes that the platform uses to report trouble. Pure. */
import { readFields } from "./message-fields.ts";

/** A request and its outcome. Parts that the line does not have are absent. */
export type RouterLine = {
  readonly method: string;
  readonly path: string;
  readonly status?: number;
  /** Milliseconds in the dyno, and until it accepted the connection. */
  readonly serviceMs?: number;
  readonly connectMs?: number;
  readonly dyno?: string;
  readonly bytes?: number;
  /** An H code, and its meaning. */
  readonly code?: string;
  readonly desc?: string;
};

/** Reads `at=info method=GET path="/" … status=200`; undefined for any other text. */
export function readRouterLine(text: string): RouterLine | undefined {
  if (!/^(?:sock=\w{1,16} )?at=/.test(text)) return undefined;
  const pairs = readFields(text)?.fields ?? [];
  const fields = new Map(pairs.map(([key, value]) => [key, String(value)]));
  const [method, path] = [fields.get("method"), fields.get("path")];
  if (method === undefined || path === undefined) return undefined;
  const number = (key: string, form: RegExp): number | undefined => {
    const [, digits] = form.exec(fields.get(key) ?? "") ?? [];
    return digits === undefined ? undefined : Number(digits);
  };
  const parts = {
    status: number("status", /^(\d{3})$/),
    serviceMs: number("service", /^(\d{1,9})(?:ms)?$/),
    connectMs: number("connect", /^(\d{1,9})(?:ms)?$/),
    bytes: number("bytes", /^(\d{1,15})$/),
    dyno: fields.get("dyno") || undefined,
    code: fields.get("code") || undefined,
    desc: fields.get("desc") || undefined,
  };
  const known = Object.entries(parts).filter(([, value]) => value !== undefined);
  return { method, path, ...Object.fromEntries(known) };
}

/** The code in a text, with its place: `Error R14 (Memory quota exceeded)`, `at=error code=H12 …`. */
export function platformCode(text: string): { readonly code: string; readonly at: number } | undefined {
  const match =
    /^Error ([HLR]\d{1,2})\b/.exec(text) ?? /^(?:sock=\w{1,16} )?at=\w+ code=(H\d{1,2})\b/.exec(text);
  return match === null ? undefined : { code: match[1]!, at: match[0].length - match[1]!.length };
}
