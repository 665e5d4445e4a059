/** The functions and places that the host (`src/core/batch/line-code.ts`) uses. */
import { prepare as prepareHidden } from "./hidden-tokens";
import { setKey } from "./tokens";

export {
  framesAt,
  hostnameBytesMax,
  inputAt,
  inputBytes,
  memoryBytes,
  placesInAt,
  placesInBytes,
  scratchAt,
  stages,
  tokenAt,
} from "./memory";
export { framesTaken, one, run } from "./plain-frames";
export { bytesOf, countOf, groupOfStage, linesOf, placesOf, stagesUsed } from "./stages";
export { framesEnd, writeFrames } from "./strict-frames";
export { forget, know, knowBody, namesBytesMax } from "./tokens";

/** Call it once, before anything else. `key` is that of the hash of tokens. */
export function prepare(key: u64): void {
  prepareHidden();
  setKey(key);
}
