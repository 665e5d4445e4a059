/** The parts that connections of syslog share, over a log and a clock of the test. */

import { Bursts } from "../../src/ingest/connections/bursts.ts";
import { UnfinishedFrames } from "../../src/ingest/connections/unfinished-frames.ts";
import { ingestLimits } from "../../src/ingest/limits.ts";
import { AppendQueues } from "../../src/ingest/queues/append-queues.ts";
import { MemoryBudget } from "../../src/ingest/queues/memory-budget.ts";
import { FrameRouter } from "../../src/ingest/routing/router.ts";
import type { ChannelLog } from "../../src/ports.ts";
import type { FakeClock } from "../support/fake-clock.ts";
import { alone, type FakeTokens, silent } from "./registry.ts";

type Given = {
  readonly log: Pick<ChannelLog, "append">;
  readonly clock: FakeClock;
  readonly tokens: FakeTokens;
  readonly batchBytesMax?: number;
};

export function syslogParts({ log, clock, tokens, ...bounds }: Given) {
  const queues = new AppendQueues({ ...ingestLimits, log, clock, logger: silent, ...bounds });
  const options = { ...ingestLimits, ...alone, queues, tokens, logger: silent, clock };
  const parts = {
    router: new FrameRouter(options),
    unfinished: new UnfinishedFrames(ingestLimits.unfinishedBytesMax),
    bursts: new Bursts({ waitingBytes: () => queues.budget.bytes, clock }),
    faults: alone.faults,
    refused: new MemoryBudget(ingestLimits.refusedBytesMax),
    options,
    fallbackOf: () => undefined,
    heard: () => {},
  };
  return { queues, options, parts };
}
