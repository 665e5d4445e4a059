/**
 * `key=value key="two words"`: lines of the router, metrics of dynos, and lines of many programs. Linear in the text: a
 * name is read only from its start, so a long word that is none is passed over once.
 */
export function logfmtOf(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const found of text.matchAll(/(?<![\w.#-])([A-Za-z_][\w.#-]*)=(?:"((?:[^"\\]|\\.)*)"|(\S*))/g)) {
    fields.set(found[1]!, found[2] ?? found[3] ?? "");
  }
  return fields;
}

/** A request as the router reports it. */
type RouterLine = {
  readonly status: number;
  readonly method: string;
  readonly path: string;
  readonly serviceMs: number | undefined;
  readonly dyno: string;
  readonly bytes: number | undefined;
  /** An H-code. */
  readonly code: string | undefined;
  readonly what: string | undefined;
};

/** A longer line is shown as text: no router writes one. */
const routerCharsMax = 8_000;

/** Undefined for a line that is not the router's. */
export function routerLineOf(source: string, dyno: string, message: string): RouterLine | undefined {
  if (source !== "heroku" || dyno !== "router" || message.length > routerCharsMax) return undefined;
  const fields = logfmtOf(message);
  const status = Number(fields.get("status"));
  const method = fields.get("method");
  if (!Number.isInteger(status) || status < 100 || status > 599 || method === undefined) return undefined;
  return {
    status,
    method,
    path: fields.get("path") ?? "",
    serviceMs: numberOf(fields.get("service")),
    dyno: fields.get("dyno") ?? "",
    bytes: numberOf(fields.get("bytes")),
    code: fields.get("code"),
    what: fields.get("desc"),
  };
}

function numberOf(text: string | undefined): number | undefined {
  const value = Number.parseFloat(text ?? "");
  return Number.isFinite(value) ? value : undefined;
}
