/** The certificate of an HTTPS listener, from its files. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import { tlsUnusable } from "../errors/start.ts";
import { readWhole } from "../files/whole-file.ts";

/** The certificate chain and its key. Rejects with `tlsUnusable`, which says what is wrong with them. */
export async function readCertificate(
  certFile: string,
  keyFile: string,
): Promise<{ cert: Buffer; key: Buffer }> {
  const [cert, key] = [readWhole(certFile), readWhole(keyFile)];
  const certificate = /-----BEGIN [A-Z0-9 ]*CERTIFICATE-----/.test(cert.toString("latin1"))
    ? attempt(() => new X509Certificate(cert))
    : undefined;
  if (certificate === undefined) throw tlsUnusable(`--tls-cert ${certFile} holds no PEM certificate`);
  const privateKey = attempt(() => createPrivateKey(key));
  if (privateKey === undefined) {
    throw tlsUnusable(`--tls-key ${keyFile} holds no PEM private key, or one with a pass phrase`);
  }
  if (!certificate.checkPrivateKey(privateKey)) {
    throw tlsUnusable(`--tls-key ${keyFile} is not the key of --tls-cert ${certFile}`);
  }
  try {
    createSecureContext({ cert, key });
  } catch (cause) {
    throw tlsUnusable(`--tls-cert ${certFile} is refused (${(cause as Error).message})`, cause);
  }
  return { cert, key };
}

function attempt<Value>(make: () => Value): Value | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}
