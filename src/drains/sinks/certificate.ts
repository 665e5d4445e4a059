/** Reads the certificate that a destination shows, and when it expires: the owner is warned before. */
import type { PeerCertificate } from "node:tls";
import { type Endpoint, nameOf } from "./endpoint.ts";

/** Facts of a certificate that are kept while its connection stands. */
export type Certificate = {
  readonly subject: string;
  readonly issuer: string;
  readonly endsAtMs: number;
};

const dayMs = 86_400_000;
/** The owner is told of a certificate that ends within this. */
const expiryMsMax = 14 * dayMs;

/** Undefined when the peer showed none. */
export function certificateOf(shown: PeerCertificate | undefined): Certificate | undefined {
  if (shown?.subject === undefined) return undefined;
  return {
    subject: holderText(shown.subject),
    issuer: holderText(shown.issuer),
    endsAtMs: Date.parse(shown.valid_to),
  };
}

/** Describes whom it is for, who vouches, and how long it holds. */
export const describeCertificate = ({ subject, issuer, endsAtMs }: Certificate, nowMs: number): string =>
  `subject ${subject}, issuer ${issuer}, ${daysLeft(endsAtMs, nowMs)} left`;

/** The warning of a certificate that ends soon; undefined for any other, and where there is none. */
export function expiring(
  certificate: Certificate | undefined,
  endpoint: Endpoint,
  nowMs: number,
): string | undefined {
  if (certificate === undefined || !(certificate.endsAtMs - nowMs <= expiryMsMax)) return undefined;
  const { subject, issuer, endsAtMs } = certificate;
  const end = new Date(endsAtMs).toISOString().replace(".000", "");
  const when = endsAtMs - nowMs < dayMs ? "today" : `in ${daysLeft(endsAtMs, nowMs)}`;
  return `the certificate of ${nameOf(endpoint)} (subject ${subject}, issuer ${issuer}) ends ${when}, at ${end}: renew it at the receiver`;
}

/** The common name, or the organisation. */
export const holderText = (name: PeerCertificate["subject"] | undefined): string =>
  [name?.CN ?? name?.O ?? "unknown"].flat().join(", ");

function daysLeft(endsAtMs: number, nowMs: number): string {
  const days = Math.floor((endsAtMs - nowMs) / dayMs);
  return days === 1 ? "1 day" : `${days} days`;
}
