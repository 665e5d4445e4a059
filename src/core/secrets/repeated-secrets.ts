/**
 * Finds secrets in the answers of those who were sent them, so that excerpts can be shown without them. Receivers of drains
 * and providers of add-ons repeat what they were sent verbatim, percent-decoded, or escaped for JSON or HTML, in any mixture.
 */

/** Shorter values are words rather than secrets, and removing them would make answers unreadable. */
const secretCharsMin = 4;
/**
 * Paths are made of short words (`logs`, `v1`, `collect`), but keys are longer: a part of this length counts as a
 * secret.
 */
const segmentCharsMin = 8;
/** A text that agrees with this much of a secret is removed as far as it agrees; this also bounds the work. */
const beginningCharsMax = 32;

/** The secrets of requests to one address. */
export class Secrets {
  readonly #secrets: readonly string[];

  constructor(secrets: Iterable<string>) {
    this.#secrets = [...new Set([...secrets].map(folded))].filter((secret) => secret.length > 0);
  }

  /**
   * The first `charsMax` printable characters of `text` on one line, with `…` for each secret. `isCut`: the text went
   * on, so that its end may be the beginning of a secret.
   */
  excerpt(text: string, charsMax: number, isCut = false): string {
    const readings: Reading[][] = [];
    const read: Read = (at) => (readings[at] ??= readingsAt(text, at));
    const cutAt = isCut ? text.length : undefined;
    let out = "";
    for (let at = 0; at < text.length && out.length < charsMax; ) {
      let end = this.#endOf(read, at, cutAt);
      if (end !== undefined) {
        // Another secret may begin within this one and end later.
        for (let inner = at + 1; inner < end; inner++)
          end = Math.max(end, this.#endOf(read, inner, cutAt) ?? 0);
        out += "…";
        at = end;
        continue;
      }
      const char = text[at++]!;
      if (/[\x20-\x7e\u00a0-\uffff]/.test(char)) out += char;
      else if (out !== "" && !out.endsWith(" ")) out += " ";
    }
    return out.trim();
  }

  // The end of the longest secret that begins at `at`.
  #endOf(read: Read, at: number, cutAt: number | undefined): number | undefined {
    const first = read(at);
    let end: number | undefined;
    for (const secret of this.#secrets) {
      if (!first.some(([text]) => secret.startsWith(text))) continue;
      const found = endOfSecret(secret, read, at, cutAt);
      if (found !== undefined && found > (end ?? at)) end = found;
    }
    return end;
  }
}

/**
 * The secrets in what is sent to a destination: credentials, long parts of the path, and values in query and headers.
 */
export function secretsOf(
  { authorization, path }: { readonly authorization?: string; readonly path: string },
  headers: Readonly<Record<string, string>> = {},
): Secrets {
  const [steps = "", ...query] = path.split("?");
  const segments = steps.split("/").map(percentDecoded);
  const values = query
    .join("?")
    .split("&")
    .map((part) => part.slice(part.indexOf("=") + 1) || part.slice(0, -1)) // a name alone may be a key
    .flatMap((value) => [percentDecoded(value), percentDecoded(value.replaceAll("+", " "))]);
  const credentials = [authorization ?? "", ...Object.values(headers)].flatMap(credentialsIn);
  return new Secrets([
    ...segments.filter((segment) => segment.length >= segmentCharsMin),
    ...[...values, ...credentials].filter((value) => value.length >= secretCharsMin),
  ]);
}

// `SCHEME VALUE` is also a secret without its scheme, and Basic's value consists of a user and a password.
function credentialsIn(given: string): string[] {
  const value = given.trim();
  const [, scheme = "", rest = ""] = /^(\S+)\s+(.*)$/.exec(value) ?? [];
  const pair = scheme.toLowerCase() === "basic" ? Buffer.from(rest, "base64").toString() : "";
  const colon = pair.indexOf(":");
  return [value, rest, pair, pair.slice(0, Math.max(colon, 0)), pair.slice(colon + 1)];
}

// Follows all readings of the text at once: an escape may be meant as such, or as its own characters.
function endOfSecret(secret: string, read: Read, at: number, cutAt: number | undefined): number | undefined {
  let places: readonly Match[] = [{ end: at, matched: 0 }];
  let found: number | undefined;
  while (places.length > 0) {
    const next = new Map<string, Match>();
    for (const { end, matched } of places) {
      if (matched >= Math.min(secret.length, beginningCharsMax)) found = Math.max(found ?? 0, end);
      if (end === cutAt) return end;
      for (const [text, textEnd] of read(end)) {
        const isNext = matched < secret.length && secret.startsWith(text, matched);
        const isOneMore = text === "\\" && secret[matched - 1] === "\\";
        if (!isNext && !isOneMore) continue;
        const place = { end: textEnd, matched: isNext ? matched + text.length : matched };
        next.set(`${place.end} ${place.matched}`, place);
      }
    }
    places = [...next.values()];
  }
  return found;
}

type Match = { readonly end: number; readonly matched: number };
type Reading = readonly [text: string, end: number];
type Read = (at: number) => readonly Reading[];

const percents = /(?:%[\da-f]{2}){1,4}/iy;
const jsonEscape = /\\+(?:u([\da-f]{4})|(["/t]))/iy;
const backslashes = /\\+/y;
const htmlEscape = /&(?:#(\d{1,7})|#x([\da-f]{1,6})|(amp|lt|gt|quot|apos));/iy;
const htmlNames: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

// The characters that the text may mean at `at`, and where they end. Each layer of JSON doubles backslashes, so any
// number of them counts as one.
function readingsAt(text: string, at: number): Reading[] {
  const char = text[at];
  if (char === undefined) return [];
  const readings: Reading[] = [];
  const read = (form: RegExp, meaning: (match: RegExpExecArray) => string | undefined) => {
    form.lastIndex = at;
    const match = form.exec(text);
    const meant = match === null ? undefined : meaning(match);
    if (meant !== undefined) readings.push([meant, form.lastIndex]);
  };
  if (char === "\\") {
    read(backslashes, () => "\\");
    read(jsonEscape, ([, hex, mark]) =>
      mark === undefined ? String.fromCharCode(Number.parseInt(hex!, 16)) : mark === "t" ? "\t" : mark,
    );
    return readings;
  }
  readings.push([char, at + 1]);
  if (char === "+") readings.push([" ", at + 1]);
  if (char === "%") {
    percents.lastIndex = at;
    const run = percents.exec(text)?.[0] ?? "";
    for (let length = 3; length <= run.length; length += 3) {
      const meant = utf8Of(run.slice(0, length));
      if (meant === undefined) continue;
      readings.push([meant, at + length]);
      break;
    }
  }
  if (char === "&")
    read(htmlEscape, ([, decimal, hex, name]) => {
      if (name !== undefined) return htmlNames[name.toLowerCase()];
      const code = decimal === undefined ? Number.parseInt(hex!, 16) : Number(decimal);
      return code <= 0x10ffff ? String.fromCodePoint(code) : undefined;
    });
  return readings;
}

const folded = (text: string): string => text.replace(/\\+/g, "\\");

const percentDecoded = (text: string): string =>
  text.replace(/(?:%[\da-f]{2})+/gi, (run) => utf8Of(run) ?? run);

function utf8Of(run: string): string | undefined {
  try {
    return decodeURIComponent(run);
  } catch {
    return undefined;
  }
}
