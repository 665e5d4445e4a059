/**
 * Bounds that are not settings. The code that uses each says what happens at it. Those of ingest are in
 * `ingest/limits.ts`.
 */
import { availableParallelism } from "node:os";
import { drainRetry } from "./core/scheduling/retry.ts";

const secondMs = 1000;
const minuteMs = 60 * secondMs;
const MiB = 1024 * 1024;

/** When the server stops: the time for deliveries under way, and for clients to read their last bytes. */
export const closeMsMax = 10 * secondMs;

/** The HTTP door: `ConnectionLimits`, `HttpServerLimits`. */
export const httpLimits = {
  connectionsMax: 4_000,
  addressConnectionsMax: 1_000,
  stallMsMax: 30 * secondMs,
  requestsMax: 32,
  answerBytesMax: 32 * MiB,
  answerBytesPerSecond: 8 * MiB,
  headersMsMax: 10 * secondMs,
  requestMsMax: minuteMs,
  waitingReadsBytesMax: 32 * MiB,
  halfClosedMsMax: 10 * secondMs,
  keepAliveMs: 72 * secondMs,
} as const;

/** The same for the operator's own address. */
export const adminLimits = { ...httpLimits, connectionsMax: 200, addressConnectionsMax: 100 } as const;

/** Answers of the API that clients have not read yet. */
export const answersBytesMax = 64 * MiB;

/** GET requests of the API that are being answered at the same time. */
export const readingLimits = { inAllMax: 16, perAddressMax: 4, waitMsMax: 30 * secondMs } as const;

/** How long a result of `/readyz` is reused: it takes a write to the store. */
export const readyAgeMsMax = secondMs;

/** Wrong keys at the page's sign-in. */
export const signInLimits = { triesMax: 10, windowMs: minuteMs, addressesMax: 10_000 } as const;

export const registryLimits = { tokenCacheMax: 100_000, keyCacheMax: 10_000 } as const;

export const tailLimits = {
  tailsMax: 20_000,
  tailsPerAppMax: 5_000,
  heartbeatMs: 15 * secondMs,
  stallMsMax: 60 * minuteMs,
  historyStallMsMax: minuteMs,
  unreadBytesMax: 128 * MiB,
  framesBytesMax: 16 * MiB,
  formatsBytesMax: 32 * MiB,
  ringsBytesMax: 128 * MiB,
  /** Read ahead by all who get the results of a search. */
  piecesBytesMax: 16 * MiB,
  /** Each takes some 2 MiB. */
  searchesMax: 8,
  searchesPerAppMax: 2,
} as const;

/** Counts of lines over time. A remembered histogram takes some 25 KB. */
export const histogramLimits = {
  entriesMax: 200,
  binsMax: 120,
  processesMax: 200,
  countMsMax: 400,
  atOnceMax: 2,
} as const;

/** Bounds of users' patterns. The budget is for an app's readers, and the same again for its drains. */
export const patternLimits = {
  /** Leaves the event loop a processor of its own if there are several. */
  threadsMax: Math.max(1, Math.min(4, availableParallelism() - 1)),
  burstMs: 10 * secondMs,
  msPerSecond: 200,
  sliceMs: 20,
  cpuMsMax: 5 * secondMs,
  answerMsMax: minuteMs,
  compiledMax: 10,
  megabytesMax: 160,
  hereMax: 20_000,
  compiledHereMax: 200,
  knownBytesMax: 8 * MiB,
} as const;

export const drainLimits = {
  parcelLinesMax: 5_000,
  parcelBytesMax: 512 * 1024,
  probeBytesMax: 4 * 1024,
  readAheadBytesMax: 2 * MiB,
  unsettledLinesMax: 20_000,
  unsettledBytesMax: 2 * MiB,
  unsettledParcelsMax: 64,
  splitMsMax: 10 * minuteMs,
  refusalsMax: 3,
  commitMsMax: 50,
  retry: drainRetry,
} as const;

/** If nodes share the Store, a drain's state is written at most this often. */
export const sharedCommitMsMax = secondMs;
/**
 * In a process that has all drains, `commitMsMax` grows up to `msMax` while they would write more often than this. A
 * crash repeats what was delivered since the last write.
 */
export const checkpointPace = { perSecond: 50, msMax: secondMs } as const;

/** Memory of the lines that all drains together have read, or sent and not settled. */
export const readAheadBytesMax = 128 * MiB;
/** Bodies that https drains have made of their lines and that their receivers have not read yet. */
export const drainBodyLimits = { bytesMax: 128 * MiB, appBytesMax: 16 * MiB, unreadMsMin: secondMs } as const;
/** Memory for writing the parcels of all syslog drains that is kept for reuse. */
export const encodeBuffersBytesMax = 8 * MiB;

/** Drains look for new lines no more often than this: lines in quicker succession go out together. */
export const gatherMs = 1;

export const sinkLimits = {
  connectMsMax: 5 * secondMs,
  attemptMsMax: 15 * secondMs,
  retryAfterMsMax: 60 * minuteMs,
} as const;

export const slotLimits = {
  socketsMax: 4_000,
  idleMsMax: 60 * secondMs,
  failingMax: 200,
  failingEveryMs: 10,
} as const;

/** Test lines on their way to destinations; a drain has one at a time. */
export const drainTestLimits = { perAppMax: 3, inAllMax: 50 } as const;

/** The shards of all drains; a cluster has no use for more drain nodes than this. */
export const drainShards = 64;

/**
 * Bounds of looking up the names of drains' destinations: at most `placesMax` × `lookupMsMax` / `slowMs` look-ups are
 * under way.
 */
export const lookupLimits = {
  placesMax: 64,
  perAppMax: 3,
  slowMs: secondMs,
  lookupMsMax: 4 * secondMs,
  namesMax: 10_000,
} as const;

export const supervisorLimits = { startsMax: 32, restartMs: 5 * secondMs, closeMsMax } as const;

/** How long a line of the canary may take before it counts as lost, and how many may be on their way. */
export const canaryLimits = { lostMs: minuteMs, waitingMax: 1_000 } as const;

/** How often the operator's metrics of all drains are updated, and how many lags are read for them each time. */
export const censusLimits = { everyMs: 15 * secondMs, readsMax: 200 } as const;

/** How often apps are counted, which reads the record of each. */
export const appCensusMs = minuteMs;

/** Samples of a drain's lag and pace, one in each round of the census: an hour of them. */
export const drainHistoryLimits = { samplesMax: 240, drainsMax: 2_000 } as const;

/** The least time between a drain's notices of one kind. */
export const noticeEveryMs = minuteMs;
