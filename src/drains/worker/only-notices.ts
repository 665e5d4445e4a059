import { cursorOver } from "../../core/batch/line-index.ts";
import type { Parcel } from "../../ports.ts";

/** True when the parcel holds only notices: their fate is not worth another notice. */
export function hasOnlyNotices({ slices }: Parcel): boolean {
  for (const slice of slices) {
    const line = cursorOver(slice);
    const { bytes } = line;
    while (line.next()) {
      const head = Buffer.from(
        bytes.buffer,
        bytes.byteOffset + line.sourceStart,
        line.processEnd - line.sourceStart,
      );
      if (head.toString("latin1") !== "heroku logplex") return false;
    }
  }
  return true;
}
