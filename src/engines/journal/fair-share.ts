/** Chooses the work for the next commit, so that nobody's lines wait for everything that another app has brought. */
import { FairLine } from "../../core/scheduling/fair-line.ts";
import type { Work } from "./journal.ts";

/** Work with at most this many bytes makes a commit hardly longer. */
const littleBytesMax = 16 * 1024;

const isLittle = ({ bytes }: Work): boolean => bytes <= littleBytesMax;

type Bounds = { readonly bytesMax: number; readonly worksMax: number };

/** `left` is in the order for the next commit: channels that were served come after those that were not. */
export type Share = { readonly taken: readonly Work[]; readonly left: Work[] };

/**
 * First, the first work of each channel is taken if it is small, within the bounds. Then channels take turns: one
 * work is taken whatever its size, and more while all of it stays within the bounds. Works of one channel keep their
 * order, and works without a channel keep theirs among all.
 */
export function fairShare(waiting: readonly Work[], { bytesMax, worksMax }: Bounds): Share {
  const end = endOfKind(waiting);
  const begun = new Set<string | undefined>();
  const line = new FairLine<Work>();
  const taken: Work[] = [];
  let bytes = 0;
  const take = (work: Work) => {
    taken.push(work);
    bytes += work.bytes;
  };
  for (let at = 0; at < end; at++) {
    const work = waiting[at]!;
    const fits = bytes + work.bytes <= bytesMax && taken.length < worksMax;
    if (fits && isLittle(work) && !begun.has(work.channel)) take(work);
    else line.push(work.channel ?? "", work);
    begun.add(work.channel);
  }
  if (line.length > 0 && taken.length < worksMax) take(line.shift()!);
  while (line.length > 0 && taken.length < worksMax && bytes + line.next!.bytes <= bytesMax)
    take(line.shift()!);
  const left: Work[] = [];
  for (let work = line.shift(); work !== undefined; work = line.shift()) left.push(work);
  return { taken, left: [...left, ...waiting.slice(end)] };
}

/**
 * A share of the small works that wait beside large ones, without those that came after a large one of their channel.
 * The rest keeps its order. Undefined if there are none, or if nothing large waits.
 */
export function littleShare(waiting: readonly Work[], bounds: Bounds): Share | undefined {
  if (waiting.every(isLittle)) return undefined;
  const held = new Set<string | undefined>();
  const little = waiting.slice(0, endOfKind(waiting)).filter((work) => {
    if (!isLittle(work)) held.add(work.channel);
    return !held.has(work.channel);
  });
  if (little.length === 0) return undefined;
  const taken = new Set(fairShare(little, bounds).taken);
  return { taken: [...taken], left: waiting.filter((work) => !taken.has(work)) };
}

// Works with a channel do not overtake those without one, nor the other way round.
function endOfKind(waiting: readonly Work[]): number {
  const isOrdered = waiting[0]?.channel === undefined;
  const others = waiting.findIndex(({ channel }) => (channel === undefined) !== isOrdered);
  return others === -1 ? waiting.length : others;
}
