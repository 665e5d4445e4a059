/**
 * Secrets are looked up by their hash, so that the time of a comparison does not reveal how much of a guess is right.
 */
import { hash, randomBytes, timingSafeEqual } from "node:crypto";

/** SHA-256 in hex. */
export const hashOf = (secret: string): string => hash("sha256", secret);

/** Compares secrets of any length in constant time. */
export const isSameSecret = (a: string, b: string): boolean =>
  timingSafeEqual(hash("sha256", a, "buffer"), hash("sha256", b, "buffer"));

/** A new API key: 256 random bits after a prefix that secret scanners can look for. */
export const newKeySecret = (): string => `trk_${randomBytes(32).toString("base64url")}`;
