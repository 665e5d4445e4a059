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
      if (differences.length > 0) throw natsStreamDiffers(wanted.name, differences, editOf(wanted, config));
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
const differencesOf = (wanted: Wanted, found: StreamConfig): string[] =>
  namesOfOthers(wanted, found).map(
    (name) => `${name}: wanted ${valueText(name, wanted[name])}, found ${valueText(name, found[name])}`,
  );

/** The flags of `nats stream edit` that settings of `serve` lead to. */
const editFlags: Partial<Record<keyof StreamConfig, string>> = {
  num_replicas: "--replicas",
  max_age: "--max-age",
  max_bytes: "--max-bytes",
  duplicate_window: "--dupe-window",
};

/** The command that makes the stream as it is wanted; undefined if it takes more than settings of `serve` change. */
function editOf(wanted: Wanted, found: StreamConfig): string | undefined {
  const others = namesOfOthers(wanted, found);
  if (others.some((name) => editFlags[name] === undefined)) return undefined;
  const flags = others.map((name) => `${editFlags[name]} ${valueText(name, wanted[name])}`);
  return `nats stream edit ${wanted.name} ${flags.join(" ")}`;
}

function namesOfOthers(wanted: Wanted, found: StreamConfig): (keyof StreamConfig)[] {
  return (Object.keys(wanted) as (keyof StreamConfig)[]).filter((name) => {
    const value = wanted[name];
    const other = found[name];
    return name === "republish"
      ? !sameRepublish(value as StreamConfig["republish"], found.republish)
      : JSON.stringify(value) !== JSON.stringify(other ?? (typeof value === "boolean" ? false : other));
  });
}

/** Times as `nats` takes them: `24h` for the nanoseconds of a day. */
function valueText(name: keyof StreamConfig, value: unknown): string {
  if ((name !== "max_age" && name !== "duplicate_window") || typeof value !== "number")
    return JSON.stringify(value) ?? "none";
  const units = { h: 3_600e9, m: 60e9, s: 1e9, ms: 1e6 };
  const [unit, size] = Object.entries(units).find(([, each]) => value % each === 0) ?? ["ns", 1];
  return `${value / size}${unit}`;
}

const sameRepublish = (a: StreamConfig["republish"], b: StreamConfig["republish"]): boolean =>
  a?.src === b?.src && a?.dest === b?.dest && (a?.headers_only ?? false) === (b?.headers_only ?? false);

const errorCode = (cause: unknown): number => (cause as NatsError).api_error?.err_code ?? 0;

const isNobody = (cause: unknown): boolean => (cause as NatsError).code === "503";

/** True while there is no leader yet, nobody is listening yet, or no answer came in time. */
const isPassing = (cause: unknown): boolean =>
  isNobody(cause) || (cause as NatsError).code === "TIMEOUT" || (cause as NatsError).api_error?.code === 503;
