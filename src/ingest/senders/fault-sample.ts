/**
 * The first bytes of what a sender sent, for a warning in the server's log: one short printable line without anything
 * that could be a secret. It hides too much rather than show a token.
 */
import { maskTokens, tokenBytes } from "../../core/secrets/token-mask.ts";

const sampleBytesMax = 100;
const hidden = "…";

/**
 * Half a token still lets the rest be guessed: whatever looks like a part of one, and what stands behind a word for a
 * secret.
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
  // Masked before it is cut: half a token would not be known for one.
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
