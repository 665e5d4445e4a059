/**
 * The part of the work on lines that is WebAssembly (`assembly/`), and the memory that it shares with us. Each call of it
 * begins and ends within one turn of the event loop, so that the process has one.
 */
import { randomBytes } from "node:crypto";
import { tokenBytes } from "../secrets/token-mask.ts";
import { code } from "./assembled-code.ts";
import { placeShift, placesBytes, placesPerLine } from "./line-places.ts";

/** Longer frames than this may take the general path. */
const frameBytesMax = 32 * 1024;

type Place = { readonly value: number };

/** The exports of `assembly/lines.ts`, where the comments are. Places are addresses in `memory`. */
type Exports = {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly inputAt: Place;
  readonly inputBytes: Place;
  readonly scratchAt: Place;
  readonly tokenAt: Place;
  readonly namesBytesMax: Place;
  readonly hostnameBytesMax: Place;
  readonly placesInAt: Place;
  readonly placesInBytes: Place;
  readonly framesAt: Place;
  readonly stages: Place;
  /** The end of all that is in it. */
  readonly memoryBytes: Place;
  prepare(key: bigint): void;
  know(token: number, namesBytes: number, strict: number, group: number): number;
  knowBody(token: number, namesBytes: number, strict: number): void;
  forget(): void;
  run(at: number, end: number, frameBytesMax: number, framesMax: number, isBody: number): number;
  one(start: number, end: number): number;
  framesTaken(): number;
  stagesUsed(): number;
  groupOfStage(stage: number): number;
  countOf(stage: number): number;
  bytesOf(stage: number): number;
  linesOf(stage: number): number;
  placesOf(stage: number, base: number): number;
  writeFrames(
    count: number,
    base: number,
    from: number,
    hostnameBytes: number,
    isNil: number,
    endsLines: number,
  ): number;
  framesEnd(): number;
};

declare const WebAssembly: {
  Module: new (code: Uint8Array) => object;
  Instance: new (module: object) => { readonly exports: unknown };
};

/** Lines in the form `logplex`, which are valid until more frames are taken. */
export interface StagedLines {
  readonly bytes: Uint8Array;
  readonly count: number;
  /** The places of a line index, as if the lines began at `base`. Call it once. */
  placesAt(base: number): Uint32Array;
}

export class LineCode {
  readonly code: Exports;
  /** The lines of each stage in use. */
  readonly stages: readonly StagedLines[];
  /** The end of what was loaded last. */
  loadedEnd = 0;
  readonly #memory: Uint8Array;
  readonly #words: Uint32Array;
  /** The key of the bytes that were copied last, and which of them. */
  #key: object | undefined;
  #from = 0;
  #to = 0;

  constructor(code: Exports) {
    code.prepare(randomBytes(8).readBigUInt64LE());
    this.code = code;
    this.stages = Array.from({ length: code.stages.value }, (_, stage) => new Stage(code, stage));
    this.#memory = new Uint8Array(code.memory.buffer);
    this.#words = new Uint32Array(code.memory.buffer);
  }

  /** Memory that sockets may be read into: frames that lie in it need no copy. */
  get input(): Buffer {
    return Buffer.from(this.code.memory.buffer, this.code.inputAt.value, this.code.inputBytes.value);
  }

  /**
   * The address of [start, end) of `bytes`, which stay as they are as long as `key` is the same, until `unload`. Unless they lie
   * in the memory, at least `frameBytesMax` of them, or all, are copied there; `loadedEnd` is the end of what is there.
   */
  load(key: object, bytes: Uint8Array, start: number, end: number): number {
    if (bytes.buffer === this.#memory.buffer) {
      this.loadedEnd = bytes.byteOffset + end;
      return bytes.byteOffset + start;
    }
    const scratch = this.code.scratchAt.value;
    const isThere =
      key === this.#key && start >= this.#from && Math.min(end, start + frameBytesMax) <= this.#to;
    if (!isThere) {
      this.#key = key;
      this.#from = start;
      this.#to = Math.min(end, start + this.code.inputBytes.value);
      this.#memory.set(bytes.subarray(start, this.#to), scratch);
    }
    this.loadedEnd = scratch + this.#to - this.#from;
    return scratch + start - this.#from;
  }

  unload(): void {
    this.#key = undefined;
  }

  /** More frames than the bytes of one call can have. */
  get anyFrames(): number {
    return this.code.inputBytes.value;
  }

  /** The lines whose places there is room for. */
  get linesMax(): number {
    return this.code.placesInBytes.value / placesBytes;
  }

  /** Puts a token and its names, or the names of a body, where the code expects them; returns their address. */
  putNames(names: Uint8Array, token?: Uint8Array): number {
    const at = this.code.tokenAt.value;
    if (token !== undefined) this.#memory.set(token, at);
    this.#memory.set(names, at + tokenBytes);
    return at;
  }

  /** The same with the hostname of a drain. */
  putHostname(hostname: Uint8Array): void {
    this.#memory.set(hostname, this.code.tokenAt.value);
  }

  /** The same with the places of `count` lines from `line` on. */
  putPlaces(places: Uint32Array, line: number, count: number): void {
    const lines = places.subarray(line << placeShift, (line + count) << placeShift);
    this.#words.set(lines, this.code.placesInAt.value >> 2);
  }

  /** The frames that `writeFrames` has written, valid until it writes others. */
  frames(): Uint8Array {
    const { framesAt, framesEnd } = this.code;
    return this.#memory.subarray(framesAt.value, framesEnd());
  }
}

class Stage implements StagedLines {
  readonly #code: Exports;
  readonly #stage: number;

  constructor(code: Exports, stage: number) {
    this.#code = code;
    this.#stage = stage;
  }

  get bytes(): Uint8Array {
    const at = this.#code.linesOf(this.#stage);
    return new Uint8Array(this.#code.memory.buffer, at, this.#code.bytesOf(this.#stage));
  }

  get count(): number {
    return this.#code.countOf(this.#stage);
  }

  placesAt(base: number): Uint32Array {
    const at = this.#code.placesOf(this.#stage, base);
    return new Uint32Array(this.#code.memory.buffer, at, this.count * placesPerLine);
  }
}

/**
 * That of the process. Null where the processor, or a virtual machine for it, has no such instructions (x64 before 2008:
 * SSE4.1), or Node was told to do without (`--jitless`): then all frames take the general path.
 */
export const lineCode = instance();

function instance(): LineCode | null {
  try {
    const module = new WebAssembly.Module(Buffer.from(code, "base64"));
    return new LineCode(new WebAssembly.Instance(module).exports as Exports);
  } catch {
    return null;
  }
}
