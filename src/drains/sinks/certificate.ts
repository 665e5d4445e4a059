/** Reads the certificate that a destination shows, and when it expires, so that its owner can be warned in time. */
import type { PeerCertificate } from "node:tls";
import { type Endpoint, nameOf } from "./endpoint.ts";

/** Facts about a certificate that are kept as long as its connection. */
export type Certificate = {
  readonly subject: string;
  readonly issuer: string;
  readonly endsAtMs: number;
};

const dayMs = 86_400_000;
/** The owner is told of a certificate that expires within this. */
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

/** Describes whom it is for, who issued it, and how long it is valid. */
export const describeCertificate = ({ subject, issuer, endsAtMs }: Certificate, nowMs: number): string =>
  `subject ${subject}, issuer ${issuer}, ${daysLeft(endsAtMs, nowMs)} left`;

/** The warning for a certificate that expires soon; undefined for any other, and when there is none. */
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
