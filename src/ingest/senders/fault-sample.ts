/**
 * The first bytes of a sender's data, for a warning in the server's log: one short printable line without anything
 * that could be a secret. When in doubt it hides too much.
 */
import { maskTokens, tokenBytes } from "../../core/secrets/token-mask.ts";

const sampleBytesMax = 100;
const hidden = "…";

/**
 * Part of a token makes the rest easier to guess, so whatever looks like a part of one is hidden, and so is any value
 * that follows a word for a secret.
 */
const secrets: readonly RegExp[] = [
  /\b[td]\.[0-9A-Za-z*-]{4,}/g,
  /[0-9A-Fa-f](?:[0-9A-Fa-f]|-(?!-)){10,}/g,
  /(?<=\b(?:authorization|bearer|basic|cookie|token|secret|passw(?:or)?d|api[-_]?key|key)\b["']?\s*[:= ]\s*)[^\s,;]+/gi,
  /(?<=:\/\/)[^\s/@]*@/g,
  /[A-Za-z0-9+/_=-]{24,}/g,
];

/** The beginning of [start, end), up to the end of its first line. */
export function sampleOf(bytes: Uint8Array, start: number, end: number): string {
  const from = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
  // Masked before it is cut, since half a token would not be recognised.
  const looked = Buffer.from(from.subarray(0, sampleBytesMax + tokenBytes));
  maskTokens(looked, 0, looked.length);
  const line = looked.toString("latin1").split(/[\r\n]/, 1)[0]!;
  let sample = line;
  for (const secret of secrets) sample = sample.replace(secret, hidden);
  const cut = sample.slice(0, sampleBytesMax);
  const isWhole = cut.length === sample.length && looked.length === from.length;
  return `${printable(cut)}${isWhole || cut.endsWith(hidden) ? "" : hidden}`;
}

const printable = (text: string): string =>
  text.replace(/[^ -~…]/g, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`);
