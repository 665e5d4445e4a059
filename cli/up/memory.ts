/** The memory of dynos, from /proc: the total of all processes in a group. */
import { readdirSync, readFileSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";

/** In KiB, as reported by the kernel: own memory, memory of files, and swapped-out memory. */
type MemorySample = { readonly rssKb: number; readonly cacheKb: number; readonly swapKb: number };

/** Samples by process group. Empty if there is no /proc. */
export type ReadMemory = () => Promise<ReadonlyMap<number, MemorySample>>;

const none: MemorySample = { rssKb: 0, cacheKb: 0, swapKb: 0 };

/** How much of a turn of the event loop the reading takes: a dyno may have thousands of processes. */
const turnMsMax = 2;

/** Reads every process once, however many dynos there are; the router comes between. */
export const readMemory: ReadMemory = async () => {
  const groups = new Map<number, MemorySample>();
  let beganMs = performance.now();
  for (const pid of processIds()) {
    if (performance.now() - beganMs >= turnMsMax) {
      await nextTurn();
      beganMs = performance.now();
    }
    const found = readProcess(pid);
    if (found === undefined) continue;
    const before = groups.get(found.group) ?? none;
    groups.set(found.group, {
      rssKb: before.rssKb + found.rssKb,
      cacheKb: before.cacheKb + found.cacheKb,
      swapKb: before.swapKb + found.swapKb,
    });
  }
  return groups;
};

function processIds(): readonly string[] {
  try {
    return readdirSync("/proc").filter((name) => /^[0-9]+$/.test(name));
  } catch {
    return [];
  }
}

/** Undefined for a process that has gone in the meantime, or has no memory of its own. */
function readProcess(pid: string): (MemorySample & { readonly group: number }) | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const [, , group] = stat.slice(stat.lastIndexOf(")") + 2).split(" "); // a name may contain anything
    return { group: Number(group), ...sampleIn(readFileSync(`/proc/${pid}/status`, "latin1")) };
  } catch {
    return undefined;
  }
}

/** The sample in a `/proc/PID/status`. */
export function sampleIn(status: string): MemorySample {
  const kb = (name: string) => Number(new RegExp(`^${name}:\\s*([0-9]+) kB$`, "m").exec(status)?.[1] ?? 0);
  return { rssKb: kb("RssAnon"), cacheKb: kb("RssFile") + kb("RssShmem"), swapKb: kb("VmSwap") };
}

/** The line of a sample in Heroku's words, and what to report about the quota. */
export function memoryLines(
  { rssKb, cacheKb, swapKb }: MemorySample,
  { name, appId, dynoId, quotaMb }: { name: string; appId: string; dynoId: string; quotaMb: number },
): { readonly sample: string; readonly totalMb: number; readonly running: string } {
  const totalMb = (rssKb + cacheKb + swapKb) / 1024;
  const mb = (kb: number) => `${(kb / 1024).toFixed(2)}MB`;
  const sample = [
    `source=${name} dyno=heroku.${appId}.${dynoId}`,
    `sample#memory_total=${totalMb.toFixed(2)}MB`,
    `sample#memory_rss=${mb(rssKb)} sample#memory_cache=${mb(cacheKb)} sample#memory_swap=${mb(swapKb)}`,
    `sample#memory_quota=${quotaMb.toFixed(2)}MB`,
  ].join(" ");
  return {
    sample,
    totalMb,
    running: `Process running mem=${Math.round(totalMb)}M(${((totalMb / quotaMb) * 100).toFixed(1)}%)`,
  };
}
