/** The parts of a write, as every way of writing them counts them. */

export function totalBytes(parts: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const { length } of parts) bytes += length;
  return bytes;
}

/** If a disk takes part of a write without an error, it is full. */
export const shortWrite = (): Error =>
  Object.assign(new Error("the disk took a part of a write"), { code: "ENOSPC" });
