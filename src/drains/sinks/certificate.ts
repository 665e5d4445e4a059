/** Whose certificate a destination shows, and for how long it holds: its owner is told before it ends. */
import type { PeerCertificate } from "node:tls";

/** What is kept of a certificate while its connection stands. */
export type Certificate = {
  readonly subject: string;
  readonly issuer: string;
  readonly endsAtMs: number;
};

/** The owner is told of a certificate that ends within this. */
export const expiryMsMax = 14 * 86_400_000;

/** Undefined when the peer showed none. */
export function certificateOf(shown: PeerCertificate | undefined): Certificate | undefined {
  if (shown?.subject === undefined) return undefined;
  return {
    subject: nameIn(shown.subject),
    issuer: nameIn(shown.issuer),
    endsAtMs: Date.parse(shown.valid_to),
  };
}

/** Who it is for, who vouches, and how long it holds. */
export const describeCertificate = ({ subject, issuer, endsAtMs }: Certificate, nowMs: number): string =>
  `subject ${subject}, issuer ${issuer}, ${daysLeft(endsAtMs, nowMs)} days left`;

/** What there is to tell of a certificate that ends soon; undefined for any other, and where there is none. */
export function expiring(
  certificate: Certificate | undefined,
  { host, port }: { readonly host: string; readonly port: number },
  nowMs: number,
): string | undefined {
  if (certificate === undefined || !(certificate.endsAtMs - nowMs <= expiryMsMax)) return undefined;
  const { subject, issuer, endsAtMs } = certificate;
  const end = new Date(endsAtMs).toISOString().replace(".000", "");
  return `the certificate of ${host}:${port} (subject ${subject}, issuer ${issuer}) ends in ${daysLeft(endsAtMs, nowMs)} days, at ${end}: renew it at the receiver`;
}

/** The common name, or the organisation. */
export const nameIn = (name: PeerCertificate["subject"] | undefined): string =>
  [name?.CN ?? name?.O ?? "unknown"].flat().join(", ");

const daysLeft = (endsAtMs: number, nowMs: number) => Math.floor((endsAtMs - nowMs) / 86_400_000);
