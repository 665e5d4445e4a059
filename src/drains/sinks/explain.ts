/**
 * Explains why no answer came, so that a drain's owner can act on it: what happened, and the mend. Never userinfo, path
 * or query.
 */
import { isIPv6 } from "node:net";
import type { PeerCertificate } from "node:tls";
import type { FailureCause } from "../../core/records/failure-cause.ts";
import type { Verdict } from "../../ports.ts";
import { AddressRefused, ownKind, shownAddress } from "../addresses.ts";
import { holderText } from "./certificate.ts";
import { type Endpoint, nameOf } from "./endpoint.ts";

/** The certificates of the drain. */
type Given = { readonly ca?: string; readonly cert?: string };
/** The step that an attempt waited for in vain. */
export type Awaited = "address" | "connection" | "TLS handshake" | "answer" | "room for all the lines";
type Failure = Error & {
  readonly code?: string;
  readonly cert?: PeerCertificate;
  readonly awaited?: Awaited;
  readonly ms?: number;
};

const needsAnother = "the receiver needs another";
/** Error codes of OpenSSL's verdicts on a chain, and of Node's on a name: what is wrong, and the mend. */
const certificateCodes = new Map<string, readonly [flaw: string, mend: string]>([
  ["CERT_HAS_EXPIRED", ["has expired", "the receiver has to renew it"]],
  ["CERT_NOT_YET_VALID", ["is not valid yet", "check the clocks of the receiver and of this server"]],
  ["ERROR_IN_CERT_NOT_BEFORE_FIELD", ["has no readable dates", needsAnother]],
  ["ERROR_IN_CERT_NOT_AFTER_FIELD", ["has no readable dates", needsAnother]],
  ["CERT_REVOKED", ["was revoked", needsAnother]],
  ["CERT_REJECTED", ["is rejected by an authority", needsAnother]],
  ["CERT_SIGNATURE_FAILURE", ["has a wrong signature", needsAnother]],
  ["UNABLE_TO_DECRYPT_CERT_SIGNATURE", ["has a wrong signature", needsAnother]],
  ["UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY", ["has a wrong signature", needsAnother]],
  ["CERT_UNTRUSTED", ["comes from {untrusted}", "{trust}"]],
  ["CERT_CHAIN_TOO_LONG", ["has too long a chain", needsAnother]],
  [
    "DEPTH_ZERO_SELF_SIGNED_CERT",
    ["is self-signed", "give it as the drain's `ca` (on syslog+tls `#insecure` takes any)"],
  ],
  ["SELF_SIGNED_CERT_IN_CHAIN", ["comes from {untrusted}", "{trust}"]],
  ["UNABLE_TO_GET_ISSUER_CERT", ["comes from {untrusted}", "{trust}"]],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", ["comes from {untrusted}", "{trust}"]],
  [
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    [
      "comes from {untrusted}, or without the certificates in between",
      "{trust}, or have the receiver send its whole chain",
    ],
  ],
  ["INVALID_CA", ["comes from an invalid authority", needsAnother]],
  ["INVALID_PURPOSE", ["is not made for servers", needsAnother]],
  ["PATH_LENGTH_EXCEEDED", ["has too long a chain", needsAnother]],
  ["HOSTNAME_MISMATCH", ["is for another name", "{rename}"]],
  ["ERR_TLS_CERT_ALTNAME_INVALID", ["is for another name", "{rename}"]],
]);

/** How OpenSSL says that the peer, or this client, gave up the handshake: the ends of its error codes. */
const handshakes: readonly (readonly [RegExp, string])[] = [
  [/ALERT_CERTIFICATE_REQUIRED$/, "{endpoint} wants a client certificate: {show}"],
  [
    /ALERT_(UNKNOWN_CA|(BAD|NO|UNSUPPORTED)_CERTIFICATE|CERTIFICATE_(EXPIRED|REVOKED|UNKNOWN|UNOBTAINABLE)|ACCESS_DENIED|DECRYPT_ERROR)$/,
    "{endpoint} refuses {shown}: {show}",
  ],
  [
    /ALERT_HANDSHAKE_FAILURE$/,
    "{endpoint} broke off the TLS handshake over {shown}, or over ciphers that are too old: {show}, or have the receiver speak a current TLS",
  ],
  [
    /PROTOCOL_VERSION$|UNSUPPORTED_PROTOCOL$|WRONG_SSL_VERSION$|INSUFFICIENT_SECURITY$|INAPPROPRIATE_FALLBACK$|KEY_TOO_SMALL$|VERSION_TOO_LOW$/,
    "{endpoint} speaks TLS that is too old: the receiver has to offer TLS 1.2 or later",
  ],
  [
    /UNRECOGNI[SZ]ED_NAME$/,
    "{endpoint} answers to another name than {host}: check the host in the drain's URL",
  ],
  [
    /WRONG_VERSION_NUMBER$|PACKET_LENGTH_TOO_LONG$|HTTP_REQUEST$|UNKNOWN_PROTOCOL$|BAD_RECORD_TYPE$/,
    "{endpoint} does not speak TLS: is it {plain} receiver, or is this another port?",
  ],
];
const brokenHandshake =
  "{endpoint} broke off the TLS handshake ({code}): is it {plain} receiver, does it want a client certificate (`cert` and `key`), or has it old TLS alone (1.2 is needed)?";

const checkReach = "check host and port, and that firewalls let this server in";
const words = new Map([
  ["ENOTFOUND", "the name {host} does not exist: check the drain's URL"],
  [
    "DNS_SILENT",
    "the name servers of {host} did not answer within {time}: whoever runs that domain has to check them. When other drains have that too, the operator has to check this server's DNS",
  ],
  [
    "DNS_FAILED",
    "the name servers of {host} are in trouble: whoever runs that domain has to check them. When other drains have that too, the operator has to check this server's DNS",
  ],
  [
    "DNS_GONE",
    "the name {host} could not be looked up, as this server's own name servers cannot be reached: the operator has to check its DNS",
  ],
  ["ECONNREFUSED", "{endpoint} refused the connection: is the receiver running?"],
  ["ECONNRESET", "{endpoint} closed the connection before it answered: {why}"],
  ["EPIPE", "{endpoint} closed the connection before it answered: {why}"],
  ["ETIMEDOUT", `{endpoint} does not answer: ${checkReach}`],
  [
    "EHOSTUNREACH",
    "there is no way to {host}: it is down, a firewall forbids it, or this server has no route to it (IPv6 alone?), which the operator has to check",
  ],
  [
    "ENETUNREACH",
    "this server has no route to the network of {host} (IPv6 alone?): the operator has to check",
  ],
  ["EADDRNOTAVAIL", "this server has no free port for a connection to {endpoint}: the operator has to look"],
  [
    "EMFILE",
    "this server has too many files open to connect to {endpoint}: the operator has to raise its limit",
  ],
  [
    "ENFILE",
    "this machine has too many files open to connect to {endpoint}: the operator has to raise its limit",
  ],
  ["ENOBUFS", "this server has no memory for a connection to {endpoint}: the operator has to look"],
  ["NO_HTTP", "{endpoint} does not answer in HTTP/1.1: is this the receiver's HTTP port?"],
  [
    "NO_FINAL_ANSWER",
    "{endpoint} gives interim answers (1xx) alone, and none that counts: its owner has to look",
  ],
  [
    "HANDSHAKES",
    "{endpoint} asks for one TLS handshake after the other over the same connection: its owner has to look",
  ],
  [
    "TALKS",
    "{endpoint} sends more than it is sent, which no syslog receiver does: is this the port of another protocol?",
  ],
  ["EACCES", "this server may not connect to {endpoint}: the operator has to check its firewall"],
  ["EPERM", "this server may not connect to {endpoint}: the operator has to check its firewall"],
]);

const waits: Readonly<Record<Awaited, string>> = {
  address:
    "{endpoint} could not be looked up within {time}: many names wait for their turn, or their name servers do not answer; it is tried again. When it lasts, the operator has to check this server's DNS",
  connection: `{endpoint} gave no connection within {time}: ${checkReach}`,
  "TLS handshake":
    "{endpoint} took the connection and ended no TLS handshake within {time}: is this its TLS port?",
  answer:
    "{endpoint} gave no answer within {time}: is this its HTTP port? If so it is overloaded, and its owner has to look",
  "room for all the lines":
    "{endpoint} read too slowly, the lines did not all fit within {time}: fewer are sent at once from now on; when it lasts, the receiver's owner has to look",
};

/** True when the destination's certificate is not valid, so that nothing was sent. */
export const isCertificateFailure = (failure: unknown): boolean =>
  certificateCodes.has((failure as Failure).code ?? "");

/** Why no answer came, and what to do. */
export function explainFailure(failure: unknown, endpoint: Endpoint, given: Given = {}): string {
  const { host, kind, secure } = endpoint;
  if (failure instanceof AddressRefused) return explainRefusal(failure, host);
  const { cert, awaited, ms = 0 } = failure as Failure;
  const code = codeOf(failure as Failure);
  const filled = (text: string): string =>
    text.replace(/\{(\w+)\}/g, (_all, name: string) => parts[name] ?? name);
  const parts: Readonly<Record<string, string>> = {
    host,
    code,
    endpoint: nameOf(endpoint),
    time: `${ms / 1000} s`,
    plain: kind === "syslog" ? "a syslog://" : "an http://",
    untrusted:
      given.ca === undefined ? "an authority that is not trusted here" : "no authority in the drain's `ca`",
    trust: "give the authority as the drain's `ca`",
    rename: `use one of these names in the drain's URL, or have the receiver get one for ${host}`,
    shown: given.cert === undefined ? "the lack of a client certificate" : "the drain's client certificate",
    show: given.cert === undefined ? "give the drain `cert` and `key`" : "check the drain's `cert` and `key`",
    why: secure ? secureReset(given) : "is it an https:// receiver? If not, its own log may say why",
  };
  if (code === "TIMED_OUT" && awaited !== undefined) return filled(waits[awaited]);
  const flaw = certificateCodes.get(code);
  if (flaw !== undefined)
    return filled(`the certificate of {endpoint} ${flaw[0]}${describe(cert)}: nothing was sent; ${flaw[1]}`);
  if (kind === "syslog" && (code === "ECONNRESET" || code === "EPIPE"))
    return filled(
      `{endpoint} broke the connection while lines were being sent: does it take octet-counted frames (RFC 6587)?${secure ? ` ${capital(secureReset(given))}` : " Its own log may say why"}`,
    );
  const known = words.get(code);
  if (known !== undefined) return filled(known);
  if (code.startsWith("ERR_OSSL_"))
    return filled("the drain's `ca`, `cert` or `key` cannot be used ({code}): give them anew");
  if (code === "EPROTO" || code.startsWith("ERR_SSL_"))
    return filled(handshakes.find(([form]) => form.test(code))?.[1] ?? brokenHandshake);
  return filled(
    `sending to {endpoint} failed${code === "" ? "" : " ({code})"}: it is tried again; when it lasts, tell the operator`,
  );
}

/** The verdict on an attempt that got no answer. */
export function failureVerdict(failure: unknown, endpoint: Endpoint, given?: Given): Verdict {
  const { code, awaited } = failure as Failure;
  const isSlow = code === "TIMED_OUT" && (awaited === "answer" || awaited === "room for all the lines");
  return {
    kind: "retry",
    reason: explainFailure(failure, endpoint, given),
    cause: causeOf(failure as Failure),
    ...(isSlow && { slow: true }),
    ...(isCertificateFailure(failure) && { certificate: true }),
  };
}

const causesOfWaits: Readonly<Record<Awaited, FailureCause>> = {
  address: "address",
  connection: "connection",
  "TLS handshake": "tls",
  answer: "timeout",
  "room for all the lines": "timeout",
};
const ownCodes = new Set(["EMFILE", "ENFILE", "ENOBUFS", "EACCES", "EPERM", "EADDRNOTAVAIL"]);

function causeOf(failure: Failure): FailureCause {
  if (failure instanceof AddressRefused) return "address";
  const code = codeOf(failure);
  if (code === "TIMED_OUT" && failure.awaited !== undefined) return causesOfWaits[failure.awaited];
  if (code === "ENOTFOUND" || code.startsWith("DNS_")) return "address";
  if (certificateCodes.has(code) || code === "EPROTO" || /^(ERR_SSL|ERR_OSSL|HANDSHAKES)/.test(code))
    return "tls";
  return code === "" || ownCodes.has(code) ? "other" : "connection";
}

// Node reports a handshake that fails during a write as EPROTO, with OpenSSL's code in the message.
function codeOf({ code = "", message }: Failure): string {
  if (code !== "EPROTO") return code;
  const said = /:SSL routines:[^:]*:([^:]+):/.exec(message)?.[1];
  return said === undefined ? code : `ERR_SSL_${said.toUpperCase().replaceAll(" ", "_")}`;
}

// Does not tell the address that a name leads to: an owner must not learn what is inside the operator's network.
function explainRefusal({ address, range }: AddressRefused, host: string): string {
  if (range === "missing" || range === "malformed") return `${host} has no address: check the drain's URL`;
  if (range === ownKind)
    return `${host} leads to this server itself, where each line would come back as a new one: give the URL of a receiver`;
  const isLiteral = address === host;
  const endpoint = isLiteral ? `${address} (${range})` : `${host} leads to ${shownAddress(address, host)}`;
  const flag = isLiteral ? ` ${address}/${isIPv6(address) ? 128 : 32}` : "";
  return `${endpoint}, where drains may not be sent: the operator can allow it with --drain-allow${flag}`;
}

// Receivers that reject a client's certificate often just close the connection.
const secureReset = ({ cert }: Given): string =>
  cert === undefined
    ? "does it want a client certificate (`cert` and `key`)? Its own log may say why"
    : "does it trust the drain's client certificate? Its own log may say why";

const capital = (text: string): string => text[0]!.toUpperCase() + text.slice(1);

// Whom the certificate is for, by whom, and when: enough to identify it.
function describe(cert: PeerCertificate | undefined): string {
  if (cert?.subject === undefined) return "";
  const { subject, issuer, subjectaltname, valid_from, valid_to } = cert;
  const names = subjectaltname?.slice(0, 200) ?? "none";
  return ` (names ${names}; issuer ${holderText(issuer)}; subject ${holderText(subject)}; valid ${valid_from} to ${valid_to})`;
}
