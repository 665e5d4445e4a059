/**
 * Tokens of clients by their certificates, from the operator's file. Each line is a name and a token; `#` begins a
 * comment. A name is the certificate's common name, one of its DNS names, addresses or URIs, or `sha256:` and its
 * fingerprint.
 */
import type { PeerCertificate } from "node:tls";
import { isTokenText } from "../../core/secrets/token-mask.ts";

export class ClientTokens {
  #tokens: ReadonlyMap<string, string>;

  /** `tokens`: as `readClientTokens` reads them. */
  constructor(tokens: ReadonlyMap<string, string> = new Map()) {
    this.#tokens = tokens;
  }

  /** Replaces the tokens. */
  set(tokens: ReadonlyMap<string, string>): void {
    this.#tokens = tokens;
  }

  /** The token of the first of the certificate's names that is in the file. */
  of(certificate: PeerCertificate): string | undefined {
    if (this.#tokens.size === 0) return undefined;
    for (const name of namesOf(certificate)) {
      const token = this.#tokens.get(name);
      if (token !== undefined) return token;
    }
    return undefined;
  }
}

/** The tokens by name; or the number of the first line that is neither empty nor a name and a token. */
export function readClientTokens(
  text: string,
): { readonly tokens: ReadonlyMap<string, string> } | { readonly badLine: number } {
  const tokens = new Map<string, string>();
  for (const [at, line] of text.split(/\r?\n/).entries()) {
    const words = line.replace(/#.*/, "").trim().split(/\s+/);
    if (words[0] === "") continue;
    const token = words.pop()!;
    if (words.length === 0 || !isTokenText(token)) return { badLine: at + 1 };
    tokens.set(words.join(" ").toLowerCase(), token);
  }
  return { tokens };
}

/** The fingerprint comes first, as the one name that nobody else can have. */
function namesOf({ fingerprint256, subject, subjectaltname }: PeerCertificate): readonly string[] {
  if (fingerprint256 === undefined) return []; // no certificate was shown
  const others = (subjectaltname ?? "").split(", ").map((name) => name.replace(/^[^:]*:/, ""));
  const names = [`sha256:${fingerprint256.replaceAll(":", "")}`, ...[subject?.CN ?? []].flat(), ...others];
  return names.map((name) => name.toLowerCase());
}
