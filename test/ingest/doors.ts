/** The options of a door of syslog over a scripted log, and what it says of senders. */
import { pino } from "pino";
import { realClock } from "../../src/clock.ts";
import { ingestLimits } from "../../src/ingest/limits.ts";
import { AppendQueues } from "../../src/ingest/queues/append-queues.ts";
import { Senders } from "../../src/ingest/senders/senders.ts";
import { alone, channelOf, FakeTokens, silent, tokenOf } from "./registry.ts";
import { ScriptedLog } from "./scripted-log.ts";

type Bounds = Partial<Record<keyof typeof ingestLimits, number>>;

export function doorOptions(bounds: Bounds = {}) {
  const log = new ScriptedLog();
  const tokens = new FakeTokens();
  for (let number = 1; number <= 3; number++) tokens.add(tokenOf(number), channelOf(number));
  const noted: { readonly cause: string; readonly sample: string | undefined }[] = [];
  const limits = { ...ingestLimits, ...bounds };
  const senders = new Senders({ clock: realClock, sendersMax: 10 });
  const options = {
    ...limits,
    host: "127.0.0.1",
    port: 0,
    queues: new AppendQueues({ log, clock: realClock, logger: silent, ...limits }),
    tokens,
    loops: alone.loops,
    faults: {
      note: (_: unknown, cause: string, __?: number, sample?: () => string) =>
        void noted.push({ cause, sample: sample?.() }),
    },
    logger: pino({ level: "silent" }),
    clock: realClock,
    senders,
  };
  return { log, tokens, noted, senders, options };
}
