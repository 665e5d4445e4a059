/** Reads small files that a user names, or that lie in the user's folder. */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { codeOf } from "./errors.ts";

/** A pipe, as that of a shell's `<(…)`, is waited for so long. */
const pipeMsMax = 10_000;
const lookAgainMs = 20;
const pieceBytes = 64 * 1024;
const bytesMaxUsual = 16 * 1024 * 1024;

/**
 * The whole content. Throws with the code EFBIG where there is more than `bytesMax`, and ETIMEDOUT where nothing, or no
 * end, comes from a pipe.
 */
export function readGiven(path: string, bytesMax = bytesMaxUsual): Buffer {
  const file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const isPipe = fstatSync(file).isFIFO();
    const giveUpAtMs = performance.now() + pipeMsMax;
    const pieces: Buffer[] = [];
    for (let bytes = 0; ; ) {
      const piece = pieceOf(file);
      if (piece?.length === 0 && (!isPipe || bytes > 0)) return Buffer.concat(pieces);
      if (piece !== undefined && piece.length > 0) {
        pieces.push(piece);
        bytes += piece.length;
        if (bytes > bytesMax) throw failure("EFBIG", path);
      } else if (performance.now() > giveUpAtMs) throw failure("ETIMEDOUT", path);
      else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, lookAgainMs);
    }
  } finally {
    closeSync(file);
  }
}

/** Undefined: nothing has come yet. */
function pieceOf(file: number): Buffer | undefined {
  const piece = Buffer.allocUnsafe(pieceBytes);
  try {
    return piece.subarray(0, readSync(file, piece));
  } catch (error) {
    if (codeOf(error) === "EAGAIN") return undefined;
    throw error;
  }
}

const failure = (code: string, path: string) => Object.assign(new Error(`${code}: ${path}`), { code, path });
