/** The lines of each group, until the host takes them. */
import {
  linePlacesBytes,
  linesAt,
  linesBytes,
  linesStride,
  placesAt,
  placesBytes,
  placesStride,
  spare,
  stageOfGroupAt,
  stages,
} from "./memory";

/** The bytes, lines and group of each stage. */
const endsAt: u32 = 0;
const countsAt: u32 = 0x100;
const groupsAt: u32 = 0x200;

/** Stages in use. */
let used: u32 = 0;

export function stagesUsed(): u32 {
  return used;
}

export function groupOfStage(stage: u32): u32 {
  return load<u32>(groupsAt + stage * 4);
}

/** The lines of the stage. */
export function countOf(stage: u32): u32 {
  return load<u32>(countsAt + stage * 4);
}

/** The bytes of its lines, which begin at `linesOf`. */
export function bytesOf(stage: u32): u32 {
  return load<u32>(endsAt + stage * 4);
}

export function linesOf(stage: u32): u32 {
  return linesAt + stage * linesStride;
}

/** Its places, as if its lines began at `base`. Call it once. */
export function placesOf(stage: u32, base: u32): u32 {
  const start = placesAt + stage * placesStride;
  const end = start + countOf(stage) * linePlacesBytes;
  const moved = i32x4.splat(base);
  const head = i32x4(base, 0, base, base); // PRI is no place
  for (let at = start; at < end; at += linePlacesBytes) {
    v128.store(at, i32x4.add(v128.load(at), head));
    v128.store(at, i32x4.add(v128.load(at, 16), moved), 16);
  }
  return start;
}

/** All stages are free. */
export function clear(): void {
  for (let stage: u32 = 0; stage < used; stage++) store<u8>(stageOfGroupAt + groupOfStage(stage), 0);
  used = 0;
}

/** The stage of the group, a new one if it has none; `stages` if all are in use. */
export function stageOf(group: u32): u32 {
  const known: u32 = load<u8>(stageOfGroupAt + group);
  if (known !== 0) return known - 1;
  if (used === stages) return stages;
  const stage = used++;
  store<u8>(stageOfGroupAt + group, <u8>used);
  store<u32>(groupsAt + stage * 4, group);
  store<u32>(countsAt + stage * 4, 0);
  store<u32>(endsAt + stage * 4, 0);
  return stage;
}

/** True if a line of so many bytes, with its length, fits into the stage. */
export function hasRoom(stage: u32, lineBytes: u32): bool {
  const count = countOf(stage);
  return bytesOf(stage) + lineBytes + spare <= linesBytes && (count + 1) * linePlacesBytes <= placesBytes;
}

/** Adds the line that was written behind the others. Returns where its places go, relative to the first line's. */
export function add(stage: u32, end: u32): u32 {
  const count = countOf(stage);
  store<u32>(countsAt + stage * 4, count + 1);
  store<u32>(endsAt + stage * 4, end);
  return placesAt + stage * placesStride + count * linePlacesBytes;
}
