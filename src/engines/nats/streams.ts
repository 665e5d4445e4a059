/**
 * The streams that the engine needs: created at the first start, compared at every later one, never changed silently.
 */
import { DiscardPolicy, type NatsError, nanos, RetentionPolicy, StorageType, type StreamConfig } from "nats";
import { natsNoJetStream, natsStreamDiffers, natsStreamRefused } from "../../errors/nats.ts";
import type { Clock } from "../../ports.ts";
import { dedupMs, type Retention as Limits } from "../engine.ts";
import { streamOf } from "./log/shards.ts";
import { bucketStream, bucketSubjects } from "./store.ts";

/** The requests that create streams. */
export type StreamMaker = {
  readonly streams: {
    info(name: string): Promise<{ readonly config: StreamConfig }>;
    add(wanted: Wanted): Promise<unknown>;
  };
};

/** A stream as it is created, and as it must be. */
export type Wanted = Partial<StreamConfig> & { readonly name: string };

/** The stream of one shard of the log. */
export function logStream(shard: number, shards: number, replicas: number, limits: Limits): Wanted {
  return {
    name: streamOf(shard),
    subjects: [`log.${shard}.*`],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    num_replicas: replicas,
    max_age: Number.isFinite(limits.ageMsMax) ? nanos(limits.ageMsMax) : 0,
    max_bytes: Number.isFinite(limits.totalBytesMax) ? Math.ceil(limits.totalBytesMax / shards) : -1,
    discard: DiscardPolicy.Old,
    duplicate_window: nanos(Math.min(dedupMs, limits.ageMsMax)),
    allow_direct: true,
    republish: { src: `log.${shard}.*`, dest: `live.${shard}.{{wildcard(1)}}` },
  };
}

/** The stream of a bucket of records, as `nats kv` makes it. */
export const recordStream = (bucket: string, replicas: number): Wanted => ({
  name: bucketStream(bucket),
  subjects: [bucketSubjects(bucket)],
  retention: RetentionPolicy.Limits,
  storage: StorageType.File,
  num_replicas: replicas,
  max_msgs_per_subject: 1,
  max_age: 0,
  max_bytes: -1,
  discard: DiscardPolicy.New,
  duplicate_window: nanos(120_000),
  allow_direct: true,
  allow_rollup_hdrs: true,
  deny_delete: true,
});

/** The time that a cluster may take after its start to elect leaders. */
const settleMsMax = 20_000;
const settlePauseMs = 250;
const noSuchStream = 10059;
const nameTaken = 10058;

/** Creates the stream if it is missing. Rejects with the differences if it is not as `wanted`. */
export async function ensureStream(
  jsm: StreamMaker,
  clock: Clock,
  wanted: Wanted,
  forMs = settleMsMax,
): Promise<void> {
  const giveUpAtMs = clock.monotonicMs() + forMs;
  for (;;) {
    try {
      const { config } = await jsm.streams.info(wanted.name);
      const differences = differencesOf(wanted, config);
      if (differences.length > 0) throw natsStreamDiffers(wanted.name, differences);
      return;
    } catch (cause) {
      const code = errorCode(cause);
      if (code === noSuchStream) {
        const error = await made(jsm, wanted);
        if (error === undefined) return;
        if (errorCode(error) === nameTaken) continue;
        if (clock.monotonicMs() >= giveUpAtMs) throw natsStreamRefused(wanted.name, error);
      } else if (!isPassing(cause)) throw cause;
      else if (clock.monotonicMs() >= giveUpAtMs) throw natsNoJetStream(cause);
    }
    await clock.sleep(settlePauseMs);
  }
}

async function made(jsm: StreamMaker, wanted: Wanted): Promise<unknown> {
  try {
    await jsm.streams.add(wanted);
    return undefined;
  } catch (error) {
    return error;
  }
}

/** The differences, as `name: wanted X, found Y`. */
function differencesOf(wanted: Wanted, found: StreamConfig): string[] {
  const differences: string[] = [];
  for (const [name, value] of Object.entries(wanted)) {
    const other = found[name as keyof StreamConfig];
    const same =
      name === "republish"
        ? sameRepublish(value as StreamConfig["republish"], found.republish)
        : JSON.stringify(value) === JSON.stringify(other ?? (typeof value === "boolean" ? false : other));
    if (!same) differences.push(`${name}: wanted ${JSON.stringify(value)}, found ${JSON.stringify(other)}`);
  }
  return differences;
}

const sameRepublish = (a: StreamConfig["republish"], b: StreamConfig["republish"]): boolean =>
  a?.src === b?.src && a?.dest === b?.dest && (a?.headers_only ?? false) === (b?.headers_only ?? false);

const errorCode = (cause: unknown): number => (cause as NatsError).api_error?.err_code ?? 0;

const isNobody = (cause: unknown): boolean => (cause as NatsError).code === "503";

/** True while there is no leader yet, nobody is listening yet, or no answer came in time. */
const isPassing = (cause: unknown): boolean =>
  isNobody(cause) || (cause as NatsError).code === "TIMEOUT" || (cause as NatsError).api_error?.code === 503;
