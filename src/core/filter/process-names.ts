/** Tests of a line's process, by names that people write: `web.1`, `web` for all of a type, `web.*`, `*.1`. */
import { type LineTest, passesAny } from "./line-tests.ts";

const dot = 0x2e;

/** True for lines of any of the named processes. */
export const processTest = (names: readonly string[]): LineTest =>
  passesAny(names.map((name) => (name.includes("*") ? globTest(name) : nameTest(Buffer.from(name)))));

// `web` includes `web.1`, but not `webx.1` (docs/spec/sessions.md#s1-4).
function nameTest(name: Uint8Array): LineTest {
  return ({ bytes, processStart, processEnd }) => {
    const length = processEnd - processStart;
    if (length < name.length) return false;
    for (let i = 0; i < name.length; i++) if (bytes[processStart + i] !== name[i]) return false;
    return length === name.length || bytes[processStart + name.length] === dot;
  };
}

// A star stands for any characters, or none. Each part is searched for once, after the part before it.
function globTest(glob: string): LineTest {
  const parts = glob.split("*");
  const [first, last] = [parts[0]!, parts.at(-1)!];
  const between = parts.slice(1, -1);
  return ({ bytes, processStart, processEnd }) => {
    const name = Buffer.from(bytes.buffer, bytes.byteOffset + processStart, processEnd - processStart);
    const text = name.toString("latin1");
    if (!text.startsWith(first) || !text.endsWith(last)) return false;
    const end = text.length - last.length;
    let at = first.length;
    for (const part of between) {
      const found = text.indexOf(part, at);
      if (found === -1) return false;
      at = found + part.length;
    }
    return at <= end;
  };
}
