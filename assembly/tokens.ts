/**
 * The tokens that are known, by a hash with a key. An entry has the token (38 bytes), its group (2), the length of its
 * names (4; 0: the entry is free), `strictBit` or 0 (4), and its names (80). The tokens of one channel share a group, so
 * that their lines keep their order. Lines of a body share one entry, whose frames may name anything.
 */
import { bodyEntryAt, entries, entriesAt, entryBytes, usedAt } from "./memory";

export const tokenBytes: u32 = 38;
export const namesBytesMax: u32 = 80;

let key: u64 = 0;

/** Entries in use. */
let known: u32 = 0;

/** Sets the key of the hash, which nobody outside should know. */
export function setKey(bits: u64): void {
  key = bits;
}

export function groupOf(entry: u32): u32 {
  return load<u16>(entry + 38);
}

export function namesBytesOf(entry: u32): u32 {
  return load<u32>(entry + 40);
}

export function strictOf(entry: u32): u32 {
  return load<u32>(entry + 44);
}

export function namesOf(entry: u32): u32 {
  return entry + 48;
}

// The random digits at both ends of a token.
function slotOf(token: u32): u32 {
  let hash = (load<u64>(token + 2) ^ key) * 0x1e3779b97f4a7d + load<u64>(token + 30);
  hash ^= hash >> 32;
  return <u32>((hash * 0x16e8feb86659fd) >> 52) & (entries - 1);
}

// Compares all bytes whichever differ: tokens are secrets.
function isSame(entry: u32, token: u32): bool {
  const first = v128.xor(v128.load(entry), v128.load(token));
  const second = v128.xor(v128.load(entry, 16), v128.load(token, 16));
  const last = v128.xor(v128.load(entry, 22), v128.load(token, 22));
  return !v128.any_true(v128.or(v128.or(first, second), last));
}

// The entry of the token, or the free one where it belongs.
function placeOf(token: u32): u32 {
  let slot = slotOf(token);
  let entry = entriesAt + slot * entryBytes;
  while (namesBytesOf(entry) !== 0 && !isSame(entry, token)) {
    slot = (slot + 1) & (entries - 1);
    entry = entriesAt + slot * entryBytes;
  }
  return entry;
}

/** The entry of the token, or 0. */
export function entryOf(token: u32): u32 {
  const entry = placeOf(token);
  return namesBytesOf(entry) === 0 ? 0 : entry;
}

/**
 * Remembers the token, whose names are behind it and no longer than `namesBytesMax`. False if there are too many tokens: a
 * quarter of the entries stays free.
 */
export function know(token: u32, namesBytes: u32, strict: u32, group: u32): bool {
  if (known >= (entries / 4) * 3) return false;
  const entry = placeOf(token);
  if (namesBytesOf(entry) === 0) store<u16>(usedAt + known++ * 2, <u16>((entry - entriesAt) / entryBytes));
  fill(entry, token, namesBytes, strict, group);
  return true;
}

/** Sets the names of a body, which are behind the place of a token. */
export function knowBody(token: u32, namesBytes: u32, strict: u32): void {
  fill(bodyEntryAt, token, namesBytes, strict, 0);
}

function fill(entry: u32, token: u32, namesBytes: u32, strict: u32, group: u32): void {
  memory.copy(entry, token, tokenBytes);
  memory.copy(namesOf(entry), token + tokenBytes, namesBytes);
  store<u16>(entry + 38, <u16>group);
  store<u32>(entry + 40, namesBytes);
  store<u32>(entry + 44, strict);
}

/** Forgets all tokens. */
export function forget(): void {
  for (let i: u32 = 0; i < known; i++) {
    const entry = entriesAt + <u32>load<u16>(usedAt + i * 2) * entryBytes;
    memory.fill(entry, 0, entryBytes);
  }
  known = 0;
}
