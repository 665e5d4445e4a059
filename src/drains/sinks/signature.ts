/**
 * The signature of a drain's bodies, for receivers that must know who sent them: `t=SECONDS,v1=HEX`, HMAC-SHA256 over
 * `SECONDS.BODY`, where BODY is the bytes as sent (compressed if they are). While a secret is being changed, there is
 * one `v1` for each; a receiver accepts if any of them is right. See `docs/drains.md`.
 */
import { createHmac } from "node:crypto";

export const signatureHeader = "Tailrace-Signature";

/** `secrets`: the current one, and the previous one if there still is one. */
export function signatureOf(body: Uint8Array, secrets: readonly string[], nowMs: number): string {
  const seconds = Math.floor(nowMs / 1000);
  const signatures = secrets.map(
    (secret) => `,v1=${createHmac("sha256", secret).update(`${seconds}.`).update(body).digest("hex")}`,
  );
  return `t=${seconds}${signatures.join("")}`;
}
