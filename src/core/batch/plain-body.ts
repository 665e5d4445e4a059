import type { Origin } from "./canonical.ts";
import { type LineCode, lineCode, type StagedLines } from "./line-code.ts";

/** The plain frames of a body, which become lines of one origin, whatever word they name in the place of a token. */
export class PlainBody {
  /** The frames and bytes that the last call has taken. */
  framesTaken = 0;
  bytesTaken = 0;
  readonly #instance: LineCode | null;
  readonly #body: Uint8Array;
  readonly #origin: Origin;
  /** Bytes are only written where frames were taken already. */
  readonly #key = {};

  constructor(body: Uint8Array, origin: Origin, instance: LineCode | null = lineCode) {
    const namesBytesMax = instance?.code.namesBytesMax.value ?? 0;
    this.#instance = origin.names.length > namesBytesMax ? null : instance;
    this.#body = body;
    this.#origin = origin;
  }

  /**
   * Takes the octet-counted frames at `at` as long as they are plain, whole and no longer than `frameBytesMax`, up to
   * `framesMax` of them, or as many as there is room for. Undefined if there is none.
   */
  take(at: number, frameBytesMax: number, framesMax: number): StagedLines | undefined {
    const instance = this.#instance;
    if (instance === null) return undefined;
    const { code } = instance;
    const { names, strict } = this.#origin;
    code.knowBody(instance.putNames(names), names.length, strict); // those of another body may be there
    const from = instance.load(this.#key, this.#body, at, this.#body.length);
    const most = Math.min(framesMax, instance.anyFrames);
    this.bytesTaken = code.run(from, instance.loadedEnd, frameBytesMax, most, 1) - from;
    this.framesTaken = code.framesTaken();
    return this.framesTaken === 0 ? undefined : instance.stages[0];
  }
}
