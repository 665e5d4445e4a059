/**
 * FNV-1a, 32 bits: spreads ids evenly and never changes. It does not protect against somebody who chooses the text.
 */
export function fnv1a(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return value >>> 0;
}
