/** Samples the memory of all dynos at intervals, reports it, and ends those that are far above their quota. */
import type { UpClock } from "./clock.ts";
import { quotaTimesMax, sampleMs } from "./limits.ts";
import type { ManagedDyno } from "./managed-dyno.ts";
import { memoryLines, type ReadMemory } from "./memory.ts";

type MemoryWatchOptions = {
  readonly appId: string;
  readonly dynos: () => readonly ManagedDyno[];
  readonly tell: (dyno: string, text: string) => void;
  /** Absent: samples are not logged, which is the default, as on Heroku. */
  readonly tellSample?: (dyno: string, text: string) => void;
  readonly read: ReadMemory;
  readonly clock: UpClock;
};

/** Resolves when `signal` is aborted. */
export async function watchMemory(options: MemoryWatchOptions, signal: AbortSignal): Promise<void> {
  for (;;) {
    await options.clock.sleep(sampleMs, signal);
    if (signal.aborted) return;
    await sampleAll(options);
  }
}

async function sampleAll({ appId, dynos, tell, tellSample, read }: MemoryWatchOptions): Promise<void> {
  const groups = await read();
  for (const dyno of dynos()) {
    const pid = dyno.process?.pid;
    const found = pid === undefined ? undefined : groups.get(pid);
    if (found === undefined) continue;
    const quotaMb = dyno.spec.memoryMb;
    const { sample, totalMb, running } = memoryLines(found, {
      name: dyno.name,
      appId,
      dynoId: dyno.id,
      quotaMb,
    });
    tellSample?.(dyno.name, sample);
    if (totalMb <= quotaMb) continue;
    if (totalMb > quotaMb * quotaTimesMax) {
      dyno.fail(running, "Error R15 (Memory quota vastly exceeded)");
    } else {
      tell(dyno.name, running);
      tell(dyno.name, "Error R14 (Memory quota exceeded)");
    }
  }
}
