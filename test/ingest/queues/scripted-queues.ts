/** Queues over a scripted log, with bounds that a test reaches. */
import { realClock } from "../../../src/clock.ts";
import { AppendQueues } from "../../../src/ingest/queues/append-queues.ts";
import { silent } from "../registry.ts";
import { ScriptedLog } from "../scripted-log.ts";

export function open(options: Partial<ConstructorParameters<typeof AppendQueues>[0]> = {}) {
  const log = new ScriptedLog();
  const queues = new AppendQueues({
    log,
    clock: realClock,
    logger: silent,
    memoryBytesMax: 1_000_000,
    queueBytesMax: 500_000,
    batchBytesMax: 100_000,
    channelsMax: 100,
    ...options,
  });
  return { log, queues };
}
