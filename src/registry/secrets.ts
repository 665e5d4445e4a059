/** Secrets are looked up by their hash, so that the time of a comparison says nothing of how much of a guess is right. */
import { hash, randomBytes, timingSafeEqual } from "node:crypto";

/** SHA-256 in hex. */
export const hashOf = (secret: string): string => hash("sha256", secret);

/** Compares in constant time, secrets of any length. */
export const isSameSecret = (a: string, b: string): boolean =>
  timingSafeEqual(hash("sha256", a, "buffer"), hash("sha256", b, "buffer"));

/** A new API key: 256 random bits behind a mark that secret scanners can look for. */
export const newKeySecret = (): string => `trk_${randomBytes(32).toString("base64url")}`;
