/**
 * Makes lines of plain frames, hundreds in one call, in WebAssembly. The lines of each channel gather on a stage, and are
 * copied from there into their batch or their body. All other frames take the general path (`scanHeader`,
 * `Canoniser.addScanned`), and so do all frames where there is no WebAssembly. A call begins and ends within one turn of
 * the event loop, so that one serves the whole process.
 */

import type { ChannelId } from "../ids.ts";
import { tokenBytes } from "../secrets/token-mask.ts";
import type { Origin } from "./canonical.ts";
import { type LineCode, lineCode, type StagedLines } from "./line-code.ts";

/** Takes the lines that frames became. */
type Place = (channel: ChannelId, lines: StagedLines) => void;

export class PlainLines {
  /** The frames that the last call has taken. */
  framesTaken = 0;
  readonly #instance: LineCode | null;
  /** The channels of the tokens that are known, and their numbers. */
  #channels: ChannelId[] = [];
  readonly #groups = new Map<ChannelId, number>();
  /** The registry and its version that the tokens are of. */
  #registry: object | undefined;
  #version = Number.NaN;

  constructor(instance: LineCode | null = lineCode) {
    this.#instance = instance;
  }

  /**
   * Call before frames are taken of other bytes, and again in each turn of the event loop. Forgets all tokens, unless they are of
   * this version of this registry.
   */
  begin(registry: object, version: number): void {
    this.#instance?.unload();
    if (registry === this.#registry && version === this.#version) return;
    this.#registry = registry;
    this.#version = version;
    this.#forget();
  }

  /**
   * Remembers that frames with this token of the registry become lines of that channel and origin, until `begin` forgets it.
   */
  know(registry: object, token: Uint8Array, channel: ChannelId, { names, strict }: Origin): void {
    const instance = this.#instance;
    if (instance === null || registry !== this.#registry || token.length !== tokenBytes) return;
    const { code } = instance;
    if (names.length > code.namesBytesMax.value) return;
    const at = instance.putNames(names, token);
    if (code.know(at, names.length, strict, this.#groupOf(channel)) !== 0) return;
    this.#forget(); // there are too many
    code.know(at, names.length, strict, this.#groupOf(channel));
  }

  /**
   * Takes the octet-counted frames at `at` of `bytes`, as long as they are plain, whole, no longer than
   * `frameBytesMax` and of known tokens, and has `place` copy their lines, those of each channel in order. Returns the place
   * after the last frame that was taken.
   */
  take(bytes: Uint8Array, at: number, frameBytesMax: number, place: Place): number {
    this.framesTaken = 0;
    const instance = this.#instance;
    if (instance === null) return at;
    const { code } = instance;
    for (let next = at; ; ) {
      const from = instance.load(bytes, bytes, next, bytes.length);
      next += code.run(from, instance.loadedEnd, frameBytesMax, instance.anyFrames, 0) - from;
      this.framesTaken += code.framesTaken();
      this.#placeAll(place);
      if (code.framesTaken() === 0 || next === bytes.length) return next;
    }
  }

  /** Takes the frame [start, end) if it is plain and of a known token. */
  takeOne(bytes: Uint8Array, start: number, end: number, place: Place): boolean {
    const instance = this.#instance;
    if (instance === null) return false;
    const from = instance.load(bytes, bytes, start, end);
    const to = from + end - start;
    if (to > instance.loadedEnd || instance.code.one(from, to) === 0) return false;
    this.#placeAll(place);
    return true;
  }

  #placeAll(place: Place): void {
    const { code, stages } = this.#instance!;
    const used = code.stagesUsed();
    for (let stage = 0; stage < used; stage++)
      place(this.#channels[code.groupOfStage(stage)]!, stages[stage]!);
  }

  #groupOf(channel: ChannelId): number {
    let group = this.#groups.get(channel);
    if (group === undefined) {
      group = this.#channels.push(channel) - 1;
      this.#groups.set(channel, group);
    }
    return group;
  }

  #forget(): void {
    this.#channels = [];
    this.#groups.clear();
    this.#instance?.code.forget();
  }
}

/** That of the process. */
export const plainLines = new PlainLines();
