/** What went wrong with a destination, in words that its owner can act on: never its userinfo, path or query. */
import type { PeerCertificate } from "node:tls";
import type { Verdict } from "../../ports.ts";
import { AddressRefused } from "../addresses.ts";
import type { Destination } from "../destination.ts";
import { answerBytesMax } from "./answer.ts";
import { nameIn } from "./certificate.ts";
import type { Rejected } from "./formats/body-format.ts";
import type { Secrets } from "./secrets.ts";

type Place = Pick<Destination, "host" | "port"> & { readonly kind?: Destination["kind"] };
type Failure = Error & {
  readonly code?: string;
  readonly cert?: PeerCertificate;
  readonly awaited?: string;
  readonly ms?: number;
};

/** OpenSSL's verdicts on a chain, and Node's on a name, as the codes of their errors. */
const certificateCodes = new Map([
  ["CERT_HAS_EXPIRED", "has expired"],
  ["CERT_NOT_YET_VALID", "is not valid yet"],
  ["CERT_REVOKED", "was revoked"],
  ["CERT_REJECTED", "is rejected by an authority"],
  ["CERT_SIGNATURE_FAILURE", "has a wrong signature"],
  ["CERT_UNTRUSTED", "is not trusted"],
  ["CERT_CHAIN_TOO_LONG", "has too long a chain"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "is self-signed"],
  ["SELF_SIGNED_CERT_IN_CHAIN", "comes from an authority that is not trusted here"],
  ["UNABLE_TO_GET_ISSUER_CERT", "comes from an unknown authority"],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "comes from an authority that is not trusted here"],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "came without the certificates between it and a trusted authority"],
  ["INVALID_CA", "comes from an invalid authority"],
  ["INVALID_PURPOSE", "is not made for servers"],
  ["PATH_LENGTH_EXCEEDED", "has too long a chain"],
  ["HOSTNAME_MISMATCH", "is for another name"],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "is for another name"],
]);

const words = new Map([
  ["ENOTFOUND", "the name {host} does not exist: check the drain's URL"],
  ["EAI_AGAIN", "the name {host} could not be looked up: its name servers do not answer"],
  ["ECONNREFUSED", "{place} refused the connection: is the receiver running?"],
  ["ECONNRESET", "{place} closed the connection before it answered"],
  ["EPIPE", "{place} closed the connection before it answered"],
  ["ETIMEDOUT", "{place} does not answer: no connection could be made"],
  ["EHOSTUNREACH", "there is no way to {host}: it is down, or a firewall forbids it"],
  ["ENETUNREACH", "there is no way to the network of {host}"],
  ["EADDRNOTAVAIL", "no connection to {place} could be opened from here"],
  ["ERR_SSL_WRONG_VERSION_NUMBER", "{place} does not speak TLS: is this a plain receiver, or another port?"],
  [
    "EPROTO",
    "{place} answers no TLS that this server speaks: is it an http:// receiver, or one with old TLS alone?",
  ],
]);

/** True when the destination's certificate does not hold: nothing was sent. */
export const isCertificateFailure = (failure: unknown): boolean =>
  certificateCodes.has((failure as Failure).code ?? "");

/** Why no answer came. */
export function explainFailure(failure: unknown, { host, port, kind }: Place): string {
  const place = `${host}:${port}`;
  if (failure instanceof AddressRefused)
    return `${host} leads to ${failure.address}, a ${failure.range} address: the operator may allow it with --drain-allow`;
  const { code = "", cert, awaited, ms } = failure as Failure;
  if (code === "TIMED_OUT") return `${place} gave no ${awaited} within ${ms} ms`;
  const certificate = certificateCodes.get(code);
  if (certificate !== undefined)
    return `the certificate of ${place} ${certificate}${describe(cert)}: nothing was sent`;
  if (code.startsWith("HPE_")) return `${place} does not answer in HTTP/1.1 (${code})`;
  if (kind === "syslog" && (code === "ECONNRESET" || code === "EPIPE"))
    return `${place} broke the connection while lines were being sent: does it take octet-counted frames (RFC 6587)?`;
  const known = words.get(code);
  if (known !== undefined) return known.replace("{place}", place).replace("{host}", host);
  return `sending to ${place} failed${code === "" ? "" : ` (${code})`}`;
}

/** The verdict of an attempt that no answer came of. */
export function failureVerdict(failure: unknown, place: Place): Verdict {
  const reason = explainFailure(failure, place);
  const { code, awaited } = failure as Failure;
  const isSlow = code === "TIMED_OUT" && awaited !== "connection";
  return {
    kind: "retry",
    reason,
    ...(isSlow && { slow: true }),
    ...(isCertificateFailure(failure) && { certificate: true }),
  };
}

/** What an unwelcome answer means, and how it began. `secrets` are not repeated: a receiver may show what it was sent. */
export function explainAnswer(
  { status, body, isCut }: { readonly status: number; readonly body: Buffer; readonly isCut: boolean },
  { host, port }: Place,
  secrets: Secrets,
): string {
  const hint =
    hints.get(status) ??
    (status >= 300 && status < 400 ? ": redirects are not followed, give the final URL" : "");
  const shown = secrets.excerpt(body.toString(), excerptCharsMax, isCut);
  return `${host}:${port} answered ${status}${hint}${shown === "" ? "" : `: "${shown}"`}`;
}

/** What a success says of lines that it rejects all the same; `sent` were sent. */
export function explainRejection(
  { lines, said, isCut }: Rejected,
  sent: number,
  { host, port }: Place,
  secrets: Secrets,
): string {
  const place = `${host}:${port}`;
  const shown = secrets.excerpt(said, excerptCharsMax, isCut);
  const quoted = shown === "" ? "" : ` ("${shown}")`;
  if (lines === undefined)
    return `${place} took the request and rejected lines${quoted}; how many is behind the first ${answerBytesMax} bytes of its answer, so all ${sent} count: check the drain's format`;
  const count = Math.min(lines, sent);
  return `${place} took the request and rejected ${count} ${count === 1 ? "line" : "lines"}${quoted}: check the drain's format`;
}

/** The beginning of an unwelcome answer that its owner gets to see. */
const excerptCharsMax = 200;

const inTrouble = ": the receiver, or a proxy before it, is in trouble";
const wrongFormat = ": it does not take bodies like this, check the drain's format";
const hints = new Map([
  [101, ": it wants to speak another protocol"],
  [400, wrongFormat],
  [401, ": check the drain's credentials"],
  [403, ": check what the receiver lets this sender do"],
  [404, ": check the path in the drain's URL"],
  [405, ": the receiver takes no POST at this path"],
  [408, ": it could not wait for the whole request"],
  [410, ": the receiver says that this address is gone"],
  [413, ": the lines are too large for it"],
  [415, wrongFormat],
  [422, wrongFormat],
  [429, ": it asks for fewer requests"],
  [500, inTrouble],
  [502, inTrouble],
  [503, inTrouble],
  [504, inTrouble],
]);

// Whom the certificate is for, by whom, and when: enough to find it among others.
function describe(cert: PeerCertificate | undefined): string {
  if (cert?.subject === undefined) return "";
  const { subject, issuer, subjectaltname, valid_from, valid_to } = cert;
  const names = subjectaltname?.slice(0, 200) ?? "none";
  return ` (names ${names}; issuer ${nameIn(issuer)}; subject ${nameIn(subject)}; valid ${valid_from} to ${valid_to})`;
}
