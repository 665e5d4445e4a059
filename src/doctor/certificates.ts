/** Checks the certificate of `--tls-cert`: whether it can be used, for how long, and for which name. */
import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import type { Config } from "../config.ts";
import { AppError } from "../errors/app-error.ts";
import { readCertificate } from "../http/certificate.ts";
import { type Finding, ill, warning, well } from "./finding.ts";

const dayMs = 86_400_000;
const soonDays = 21;

/** Empty if the server speaks plain HTTP. */
export async function lookAtCertificate(
  { tlsCert, tlsKey, publicUrl }: Pick<Config, "tlsCert" | "tlsKey" | "publicUrl">,
  nowMs: number,
): Promise<readonly Finding[]> {
  if (tlsCert === undefined || tlsKey === undefined) return [];
  try {
    const { cert } = await readCertificate(tlsCert, tlsKey);
    const certificate = new X509Certificate(cert);
    return [ageOf(certificate, nowMs), ...nameOf(certificate, publicUrl)];
  } catch (failure) {
    if (failure instanceof AppError) return [ill("certificate", failure.message, failure.mend)];
    return [
      ill("certificate", `--tls-cert cannot be read: ${(failure as Error).message}`, "Check the file."),
    ];
  }
}

function ageOf({ validTo, validFrom }: X509Certificate, nowMs: number): Finding {
  const days = Math.floor((Date.parse(validTo) - nowMs) / dayMs);
  if (nowMs < Date.parse(validFrom))
    return ill("certificate", `it is not valid before ${validFrom}`, "Check the clock, or renew it.");
  if (days < 0) return ill("certificate", `it ended on ${validTo}`, "Renew it and send the server SIGHUP.");
  return days < soonDays
    ? warning("certificate", `it ends in ${days} days`, "Renew it and send the server SIGHUP.")
    : well("certificate", `it is good for ${days} days`);
}

function nameOf(certificate: X509Certificate, publicUrl: string | undefined): readonly Finding[] {
  if (publicUrl === undefined || !publicUrl.startsWith("https:")) return [];
  const host = new URL(publicUrl).hostname.replace(/^\[|\]$/g, "");
  const isFor = isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host);
  return isFor === undefined
    ? [
        ill(
          "certificate",
          `it is not for ${host}, the host of --public-url (it names ${certificate.subjectAltName ?? "none"})`,
          "Get one for that name, or let --public-url use one of its names. Clients refuse it.",
        ),
      ]
    : [well("certificate", `it is for ${host}`)];
}
