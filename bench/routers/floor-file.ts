/** The file that the floors write to: as long as it may become, and on disk, before anything is measured. */
import { fsyncSync, openSync, writeSync } from "node:fs";

/** The floors begin anew at its start when it is full. */
export const segmentBytes = 256 << 20;

/** Its descriptor. */
export function preparedFile(file: string): number {
  const fd = openSync(file, "w");
  const zeros = Buffer.alloc(8 << 20);
  for (let at = 0; at < segmentBytes; at += zeros.length) writeSync(fd, zeros, 0, zeros.length, at);
  fsyncSync(fd);
  return fd;
}
