/** A drain's worker or supervisor over the memory engine, a clock that the test holds and a sink that it scripts. */
import assert from "node:assert";
import { pino } from "pino";
import type { CanonicalLines } from "../../src/core/batch/batch.ts";
import { compileFilter } from "../../src/core/filter/line-filter.ts";
import type { ChannelId, DrainId, DrainToken } from "../../src/core/ids.ts";
import { origin } from "../../src/core/position.ts";
import { drainRetry } from "../../src/core/scheduling/retry.ts";
import { ConnectionSlots } from "../../src/drains/connections/slots.ts";
import { DrainNotices } from "../../src/drains/notices.ts";
import type { SupervisorOptions } from "../../src/drains/supervisor.ts";
import {
  CheckpointSheets,
  type SheetsOptions,
} from "../../src/drains/worker/checkpoint/checkpoint-sheets.ts";
import type { DrainLimits } from "../../src/drains/worker/performer.ts";
import { ReadAheadBudget } from "../../src/drains/worker/read-ahead-budget.ts";
import { DrainWorker } from "../../src/drains/worker/worker.ts";
import type { Engine, Retention } from "../../src/engines/engine.ts";
import { openMemory } from "../../src/engines/memory.ts";
import type { Patterns } from "../../src/patterns/patterns.ts";
import type { Parcel, Sink, Store, Verdict } from "../../src/ports.ts";
import type { DrainCheckpoint } from "../../src/registry/drain-checkpoint.ts";
import { type DrainLedger, readLedger } from "../../src/registry/drain-ledger.ts";
import { type DrainSheet, sheetIn, storedCheckpoint } from "../../src/registry/drain-sheet.ts";
import type { DrainRecord } from "../../src/registry/records.ts";
import { batchOf, channelOf, textsOf } from "../support/batches.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { LendingLog } from "../support/lending-log.ts";
import { openPatterns } from "../support/patterns.ts";
import { SilentSink } from "../support/silent-sink.ts";
import { until } from "../support/until.ts";

export type Try = {
  readonly drain: DrainRecord;
  readonly parcelId: string;
  readonly texts: readonly string[];
  readonly atMs: number;
};
/** What the sink says of try number `index`; "hang" until the delivery is aborted. */
type Script = (tried: Try, index: number) => Verdict | "hang" | Promise<Verdict | "hang">;

export const channel: ChannelId = channelOf(1);
export const delivered: Verdict = { kind: "delivered" };
export const retry: Verdict = { kind: "retry", reason: "no luck" };
export const keepAll: Retention = {
  ageMsMax: Infinity,
  channelBytesMax: Infinity,
  channelLinesMax: Infinity,
  totalBytesMax: Infinity,
};
export const limits: DrainLimits = {
  parcelLinesMax: 2_000,
  parcelBytesMax: 512 * 1024,
  probeBytesMax: 16 * 1024,
  readAheadBytesMax: 2 * 1024 * 1024,
  unsettledLinesMax: 10_000,
  unsettledBytesMax: 1024 * 1024,
  unsettledParcelsMax: 8,
  splitMsMax: 600_000,
  refusalsMax: 3,
  commitMsMax: 50,
  retry: drainRetry,
};

/** A drain that starts at the channel's first line. */
export const drainOf = (number: number, rest: Partial<DrainRecord> = {}): DrainRecord => ({
  id: `drain-${number}` as DrainId,
  number,
  token: `d.${number}` as DrainToken,
  channel,
  url: `https://receiver.example/${number}`,
  createdAt: "2024-05-01T09:00:00Z",
  updatedAt: "2024-05-01T09:00:00Z",
  start: { position: origin, line: 0 },
  paused: false,
  ...rest,
});

export class Rig {
  readonly clock = new FakeClock();
  readonly tries: Try[] = [];
  readonly drain: DrainRecord;
  script: Script = () => delivered;
  /** The connection breaks so soon that what the newest sink delivered last may not have arrived. */
  breakConnection: () => void = () => {};
  /** How long a connection must stay open for a parcel to be settled, over a protocol without answers. */
  quietMs = 5;
  /** The connection is reset: nothing that is not settled arrives, and what was delivered lately may not have. */
  reset: () => void = () => {};
  /** Sinks that were made and not closed. */
  openSinks = 0;
  readonly engine: Engine;
  readonly store: Store;
  readonly log: LendingLog;
  readonly slots: ConnectionSlots;
  readonly notices: DrainNotices;
  readonly patterns: Patterns;
  readonly limits: DrainLimits;
  readonly #workers: DrainWorker[] = [];
  #producerLine = 0;
  #isSilent = false;

  private constructor(
    engine: Engine,
    clock: FakeClock,
    drain: DrainRecord,
    bounds: Partial<DrainLimits>,
    patterns: Patterns,
  ) {
    this.clock = clock;
    this.engine = engine;
    this.log = new LendingLog(engine.log);
    this.drain = drain;
    this.store = checkedStore(engine.store, () => this.drain.start.line);
    this.limits = { ...limits, ...bounds };
    this.patterns = patterns;
    this.slots = new ConnectionSlots({
      socketsMax: 10,
      idleMsMax: 60_000,
      failingMax: 5,
      failingEveryMs: 5,
      clock,
    });
    this.notices = new DrainNotices({
      append: (to, lines) => this.append(lines, to),
      clock,
      logger: pino({ level: "silent" }),
      everyMs: 60_000,
    });
  }

  /** `silent`: the destination gives no answers, and takes everything. */
  static async open({
    retention = {},
    drain = {},
    bounds = {},
    patterns = openPatterns(),
    silent = false,
  }: {
    retention?: Partial<Retention>;
    drain?: Partial<DrainRecord>;
    bounds?: Partial<DrainLimits>;
    patterns?: Patterns;
    silent?: boolean;
  } = {}): Promise<Rig> {
    const clock = new FakeClock();
    const engine = await openMemory({ clock, retention: { ...keepAll, ...retention } });
    const rig = new Rig(engine, clock, drainOf(1, drain), bounds, patterns);
    rig.#isSilent = silent;
    return rig;
  }

  /** What a supervisor and its workers are made of. */
  get parts(): SupervisorOptions {
    return {
      log: this.log,
      store: this.store,
      clock: this.clock,
      random: () => 0.5,
      sinkFor: (drain, { onBreak = () => {} }) => {
        this.breakConnection = () => onBreak("broke soon");
        return this.#isSilent ? this.#silentSink(drain, onBreak) : this.#sink(drain);
      },
      slots: this.slots,
      readAhead: new ReadAheadBudget(1024 * 1024),
      patterns: this.patterns,
      notices: this.notices,
      limits: this.limits,
      logger: pino({ level: "silent" }),
      startsMax: 2,
      restartMs: 5_000,
      closeMsMax: 10_000,
    };
  }

  /** Checkpoints as a node keeps them that holds `lease`. */
  sheets(lease: number): CheckpointSheets {
    return sheetsOf(this.store, lease, { ...this.parts, commitMsMax: this.limits.commitMsMax });
  }

  /** Appends a batch of one line for each text, or lines as they are. */
  async append(lines: readonly string[] | CanonicalLines, to: ChannelId = channel): Promise<void> {
    const canonical = Array.isArray(lines) ? batchOf(lines) : (lines as CanonicalLines);
    const firstLine = this.#producerLine;
    this.#producerLine += canonical.count;
    await this.log.append(to, {
      ...batchOf(["x"]),
      ...canonical,
      firstLine,
      acceptedAtMs: this.clock.nowMs(),
    });
  }

  /** Opens a worker for the rig's drain, as it is or changed. `lease`: on a node of a cluster. */
  async work(
    changes: Partial<DrainRecord> = {},
    parts: { lease?: number } & Partial<Pick<SupervisorOptions, "sinkFor">> = {},
  ): Promise<DrainWorker> {
    const drain = { ...this.drain, ...changes };
    const compiled = compileFilter(drain.filter ?? {});
    assert(compiled.kind === "filter");
    const { lease, ...others } = parts;
    const sheets = lease === undefined ? undefined : this.sheets(lease);
    const worker = await DrainWorker.open(drain, compiled.filter, { ...this.parts, ...others, sheets });
    this.#workers.push(worker);
    await this.clock.advance(0);
    return worker;
  }

  /** Lets time pass until `holds`, for `msMax` at most; 0: as far as all goes without a wait. */
  until(holds: () => boolean | Promise<boolean>, msMax?: number): Promise<void> {
    return until(holds, { clock: this.clock, ...(msMax !== undefined && { msMax }) });
  }

  /** The drain's records in the Store, and what its owner sees. */
  async state(drain = this.drain): Promise<(DrainCheckpoint & Pick<DrainLedger, "state">) | undefined> {
    const stored = await storedCheckpoint(this.store, drain);
    if (stored === undefined) return undefined;
    return { ...(stored as DrainCheckpoint), state: (await this.shown(drain)).state };
  }

  /** What the drain's owner sees. */
  shown(drain = this.drain): Promise<DrainLedger> {
    return readLedger(this.store, this.log, drain, this.clock.nowMs());
  }

  /** Texts of tries that delivered, in order. */
  readonly received: string[] = [];

  /** The channel's lines from `heroku`. */
  async noticed(): Promise<string[]> {
    const { batches } = await this.log.recent(channel, 1_000_000);
    return batches.flatMap((batch) => textsOf(batch)).filter((text) => text.startsWith("Error L"));
  }

  async close(): Promise<void> {
    const stopped = Promise.all(this.#workers.map((worker) => worker.stop(0)));
    await this.clock.advance(0);
    await stopped;
    await this.patterns.close();
    await this.notices.close();
    this.slots.close();
    await this.engine.close();
  }

  #tried(drain: DrainRecord, parcel: Parcel): Try {
    const texts = textsOfParcel(parcel);
    assert.equal(texts.length, parcel.count, "a parcel counts its lines");
    const tried = { drain, parcelId: parcel.parcelId, texts, atMs: this.clock.nowMs() };
    this.tries.push(tried);
    return tried;
  }

  #silentSink(drain: DrainRecord, onBreak: (reason: string) => void): Sink {
    this.openSinks++;
    const sink = new SilentSink({
      clock: this.clock,
      quietMs: () => this.quietMs,
      onSend: (parcel) => this.#tried(drain, parcel),
      onArrive: (parcel) => this.received.push(...textsOfParcel(parcel)),
      onBreak,
    });
    this.reset = () => sink.break();
    const close = sink.close.bind(sink);
    sink.close = async () => {
      this.openSinks--;
      await close();
    };
    return sink;
  }

  #sink(drain: DrainRecord): Sink {
    this.openSinks++;
    let isOpen = true;
    let giveUp = (_ms: number) => {};
    return {
      deliver: async (parcel, signal) => {
        assert(isOpen, "a closed sink is not used");
        const tried = this.#tried(drain, parcel);
        const verdict = await this.script(tried, this.tries.length - 1);
        if (verdict === "hang") {
          const givenUp = new Promise<Verdict>((resolve) => {
            giveUp = (ms) => resolve({ kind: "retry", reason: `given up after ${ms} ms`, slow: true });
          });
          return Promise.race([givenUp, hang(signal)]);
        }
        if (verdict.kind === "delivered") this.received.push(...tried.texts);
        return verdict;
      },
      giveUp: (ms) => giveUp(ms),
      close: async () => {
        if (isOpen) this.openSinks--;
        isOpen = false;
      },
    };
  }
}

export const textsOfParcel = ({ slices }: Parcel): string[] => slices.flatMap((slice) => textsOf(slice));

const hang = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });

/** Checkpoints as a node keeps them that holds `lease`. */
export const sheetsOf = (
  store: Store,
  lease: number,
  { clock, commitMsMax }: Pick<SheetsOptions, "clock" | "commitMsMax">,
): CheckpointSheets => {
  const logger = pino({ level: "silent" });
  return new CheckpointSheets({ store, clock, logger, commitMsMax, random: () => 0, shard: 0, lease });
};

/** The checkpoints that a put writes. */
function checkpointsIn(key: string, value: unknown): DrainCheckpoint[] {
  if (value === undefined || sheetIn(value) !== undefined) return [];
  if (key.startsWith("drain-sheet/")) return Object.values((value as DrainSheet).drains) as DrainCheckpoint[];
  return key.startsWith("drain-state/") ? [value as DrainCheckpoint] : [];
}

/** Holds every state that is put to the ledger's invariant. */
function checkedStore(store: Store, startLine: () => number): Store {
  return {
    get: (key) => store.get(key),
    list: (prefix) => store.list(prefix),
    watch: (prefix, signal) => store.watch(prefix, signal),
    close: () => store.close(),
    async put(key, value, revision) {
      for (const checkpoint of checkpointsIn(key, value)) {
        const { line, startLine: begun, delivered, refused, lost, filtered } = checkpoint;
        const counted = delivered + refused + lost + filtered;
        assert.equal(line - (begun ?? startLine()), counted, "every put adds up");
      }
      return store.put(key, value, revision);
    },
  };
}
