/** The options of a drain besides its URL (docs/spec/apis.md#p3-7), checked before anything is written. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { compileFilter, type FilterSpec } from "../core/filter/line-filter.ts";
import { detectorNames } from "../core/patterns/detectors.ts";
import { patternsFlaw, patternsMax, type RedactionSpec } from "../core/patterns/redaction.ts";
import { allDrainFields, type DrainFieldsRecord } from "../core/records/drain-fields.ts";
import { drainOption, patternInvalid } from "../errors/api.ts";

/** The part of a drain's record that its owner sets. */
export type DrainOptions = DrainFieldsRecord;

export const headersMax = 20;
const headerNameCharsMax = 100;
export const headerValueCharsMax = charsMaxOf("headers");
const secretCharsMax = charsMaxOf("secret");
export const pemCharsMax = charsMaxOf("ca");
const filterNamesMax = 50;
const filterNameCharsMax = 128;

/** The table's bound for a field. */
function charsMaxOf(record: keyof DrainFieldsRecord): number {
  return allDrainFields.find((field) => field.record === record)?.charsMax ?? 0;
}

const headerNameForm = /^[A-Za-z0-9_-]+$/;
const headerValueForm = /^[\x20-\x7e\t]*$/;
/** Headers that delimit or route the body, and those that a sink sets itself. */
const headersOfOurs =
  /^(host|connection|content-(length|type|encoding)|transfer-encoding|te|trailer|upgrade|keep-alive|expect|proxy-.*|logplex-.*|tailrace-.*|user-agent)$/i;
const pemOfCertificate = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** Throws an AppError that names the field of the first option that cannot be used with `url`. */
export function checkDrainOptions(url: string, options: DrainOptions): void {
  if (options.headers) checkHeaders(url, options.headers);
  if (options.filter) checkFilter(options.filter);
  if (options.redact) checkRedaction(options.redact);
  checkCompression(url, options.compression);
  checkSecrets(url, options);
  checkTls(url, options);
}

function checkHeaders(url: string, headers: Readonly<Record<string, string>>): void {
  const entries = Object.entries(headers);
  if (!/^https?:/i.test(url)) throw drainOption("headers", "only http and https have headers");
  if (entries.length > headersMax) throw drainOption("headers", `there are more than ${headersMax}`);
  const seen = new Set<string>();
  for (const [name, value] of entries) {
    const shown = `"${name.slice(0, headerNameCharsMax)}"`;
    if (!headerNameForm.test(name) || name.length > headerNameCharsMax) {
      throw drainOption("headers", `the name ${shown} is not 1 to ${headerNameCharsMax} of A-Z a-z 0-9 - _`);
    }
    if (headersOfOurs.test(name)) throw drainOption("headers", `${shown} is set by the drain itself`);
    if (seen.has(name.toLowerCase())) throw drainOption("headers", `${shown} is given twice`);
    if (!headerValueForm.test(value) || value.length > headerValueCharsMax) {
      throw drainOption(
        "headers",
        `the value of ${shown} is not printable ASCII of at most ${headerValueCharsMax} characters`,
      );
    }
    seen.add(name.toLowerCase());
  }
}

function checkFilter(filter: FilterSpec): void {
  for (const field of ["sources", "dynos"] as const) {
    const names = filter[field] ?? [];
    if (names.length > filterNamesMax) throw drainOption("filter", `more than ${filterNamesMax} ${field}`);
    if (names.some((name) => name.length === 0 || name.length > filterNameCharsMax)) {
      throw drainOption("filter", `one of its ${field} is not 1 to ${filterNameCharsMax} characters`);
    }
  }
  const compiled = compileFilter(filter);
  if (compiled.kind === "bad") throw patternInvalid(compiled.field, compiled.reason);
}

function checkRedaction({ detectors = [], patterns = [] }: RedactionSpec): void {
  const unknown = detectors.find((name) => !detectorNames.includes(name));
  if (unknown !== undefined) {
    throw drainOption(
      "redact",
      `there is no detector "${String(unknown).slice(0, 50)}"; there are ${detectorNames.join(", ")}`,
    );
  }
  if (patterns.length > patternsMax) throw drainOption("redact", `more than ${patternsMax} patterns`);
  const flaw = patternsFlaw(patterns);
  if (flaw !== undefined) throw drainOption("redact", flaw);
}

function checkCompression(url: string, compression: string | undefined): void {
  if (compression === undefined) return;
  if (compression !== "gzip") throw drainOption("compression", '"gzip" is the only one');
  if (!/^https?:/i.test(url)) throw drainOption("compression", "only http and https have it");
}

function checkSecrets(url: string, { secret, previousSecret }: DrainOptions): void {
  for (const [field, value] of [
    ["secret", secret],
    ["previous_secret", previousSecret],
  ] as const) {
    if (value === undefined) continue;
    if (value.length === 0 || value.length > secretCharsMax) {
      throw drainOption(field, `it is not 1 to ${secretCharsMax} characters`);
    }
    if (!/^https?:/i.test(url)) throw drainOption(field, "only bodies of http and https are signed");
  }
  if (secret === undefined && previousSecret !== undefined) {
    throw drainOption("previous_secret", "it needs `secret`, the new one, beside it");
  }
}

function checkTls(url: string, { ca, cert, key }: DrainOptions): void {
  const given = ca !== undefined ? "ca" : cert !== undefined ? "cert" : key !== undefined ? "key" : undefined;
  if (given === undefined) return;
  if (!/^(https|syslog\+tls):/i.test(url))
    throw drainOption(given, "http:// and syslog:// have no TLS: use https:// or syslog+tls://");
  if (ca !== undefined) for (const pem of certificatesIn("ca", ca)) certificateOf("ca", pem);
  if (cert === undefined && key === undefined) return;
  if (cert === undefined) throw drainOption("key", "there is no `cert` to go with it");
  if (key === undefined) throw drainOption("cert", "there is no `key` to go with it");
  const certificate = certificateOf("cert", certificatesIn("cert", cert)[0]!);
  if (key.length > pemCharsMax) throw drainOption("key", `it has more than ${pemCharsMax} characters`);
  if (!certificate.checkPrivateKey(privateKeyOf(key)))
    throw drainOption("key", "it is not the key of `cert`");
}

function certificatesIn(field: "ca" | "cert", pem: string): string[] {
  if (pem.length > pemCharsMax) throw drainOption(field, `it has more than ${pemCharsMax} characters`);
  const found = pem.match(pemOfCertificate);
  if (found === null) throw drainOption(field, "it holds no PEM certificate");
  return found;
}

// Leaves out OpenSSL's message, which can quote the input.
function certificateOf(field: "ca" | "cert", pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw drainOption(field, "it is no readable PEM certificate");
  }
}

function privateKeyOf(pem: string) {
  try {
    return createPrivateKey(pem);
  } catch {
    throw drainOption(
      "key",
      'it is no PEM private key, or one with a pass phrase: "openssl pkey -in k.pem" writes it without',
    );
  }
}
