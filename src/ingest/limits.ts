import { partBytesMax } from "../core/batch/canonical.ts";
import type { RetryPolicy } from "../core/scheduling/retry.ts";

/** The bounds of ingest that are no settings. What happens at each is said where it is used. */
export const ingestLimits = Object.freeze({
  /** One frame, without its length prefix: docs/spec/wire-in.md#w1-2. */
  frameBytesMax: 256 * 1024,
  /** One body, inflated: docs/spec/wire-in.md#w3-8. */
  bodyBytesMax: 8_000_000,
  /** Frames of one body: a full one has so many of 64 bytes. */
  framesMax: 125_000,
  /** From the first to the last byte of a body. */
  bodyTimeoutMs: 30_000,
  /** The least that an incomplete body must bring in each span of time. */
  bodyRateBytesMin: 20 * 1024,
  bodyRateMs: 5_000,
  /** Bodies of one app, and from one address, that are being read. */
  appBodyBytesMax: 32 * 1024 * 1024,
  addressBodyBytesMax: 64 * 1024 * 1024,
  /** Lines of all doors that are not stored yet, and bodies that are being read. */
  memoryBytesMax: 256 * 1024 * 1024,
  /** Lines of one app that are not stored yet. */
  queueBytesMax: 32 * 1024 * 1024,
  batchBytesMax: partBytesMax,
  channelsMax: 100_000,
  /** Syslog connections of one listener, in all and from one address. */
  connectionsMax: 4_000,
  addressConnectionsMax: 1_000,
  /** Lines of one syslog connection that are not stored yet. */
  connectionBytesMax: 1024 * 1024,
  /** Lines of a RELP client that are read before the first of them are answered. */
  roundBytesMax: 256 * 1024,
  /** Memory of the lines that the log refused and that RELP clients wait for. */
  refusedBytesMax: 64 * 1024 * 1024,
  /** Memory of syslog frames that have begun and not ended. */
  unfinishedBytesMax: 32 * 1024 * 1024,
  /** From a syslog connection to its first frame with a known token. */
  firstTokenMs: 10_000,
  /** From the first byte of a syslog frame to its last. */
  frameMsMax: 30_000,
  /** A syslog connection on which nothing arrives. */
  connectionIdleMs: 3_600_000,
  /** Datagrams of syslog over UDP, and their lines, that wait for the log. */
  udpBytesMax: 16 * 1024 * 1024,
  /** Ids of requests that are remembered, to tell of one that came with another body. */
  requestIdsMax: 20_000,
  /** Tokens whose records a listener keeps at hand. */
  tokensMax: 20_000,
});

/** Bounds of what the server's own log says of senders that do something wrong. */
export const faultLimits = Object.freeze({ peersMax: 1_000, warningsMax: 60, everyMs: 60_000 });

/** Bounds of the lines that tell owners of drains that lead back here. */
export const loopLimits = Object.freeze({ everyMsMin: 60_000, everyMsMax: 86_400_000, drainsMax: 10_000 });

/** Senders that a node remembers for `tailrace sources`, and those of all nodes that it tells of. */
export const sendersMax = 1_000;
export const sendersShownMax = 10_000;

/** How an append that the log refused is tried again, by all whose lines must not be given up: syslog and RELP. */
export const appendRetry: RetryPolicy = {
  delayMsMin: 20,
  delayMsMax: 2_000,
  factor: 2,
  attemptsMax: Number.POSITIVE_INFINITY,
  jitter: 0.2,
};
