/**
 * Reads the usual acknowledgement, `{"stream":"NAME", "seq":NUMBER}`, without a parser. Any other form is left to a
 * JSON parser.
 */

const quote = 0x22;
const zero = 0x30;
const nine = 0x39;
const closingBrace = 0x7d;
const begin = Buffer.from('{"stream":"');
const before = Buffer.from('"seq":');
/** A number with more digits may not be exact. */
const digitsMax = 15;

/** The sequence in it; undefined when the acknowledgement has another form, or says anything else. */
export function plainAcknowledgement(data: Uint8Array): number | undefined {
  let at = data.length - 1;
  if (data[at--] !== closingBrace || !liesAt(data, begin, 0)) return undefined;
  let sequence = 0;
  let unit = 1;
  const end = at;
  for (let byte = data[at]; byte !== undefined && byte >= zero && byte <= nine; byte = data[--at]) {
    sequence += (byte - zero) * unit;
    unit *= 10;
  }
  const digits = end - at;
  const seqAt = at + 1 - before.length;
  if (sequence === 0 || digits > digitsMax || !liesAt(data, before, seqAt)) return undefined;
  // Only this number may follow the name.
  const nameEnd = data.indexOf(quote, begin.length);
  return nameEnd < seqAt && isComma(data, nameEnd + 1, seqAt) ? sequence : undefined;
}

function isComma(data: Uint8Array, start: number, end: number): boolean {
  const length = end - start;
  return data[start] === 0x2c && (length === 1 || (length === 2 && data[start + 1] === 0x20));
}

function liesAt(data: Uint8Array, text: Uint8Array, at: number): boolean {
  if (at < 0) return false;
  for (let i = 0; i < text.length; i++) if (data[at + i] !== text[i]) return false;
  return true;
}
