/** The jobs of the table, and what a program that does one looks like from outside. */

export type Way = "tcp" | "http";
export type PeerName = "floor" | "rsyslog" | "syslog-ng" | "fastify" | "tailrace" | "tailrace on NATS";

/** The same lines for every peer. */
export type Job = {
  readonly name: string;
  readonly in: Way;
  readonly out: Way;
  readonly apps: number;
  readonly connections: number;
  readonly lines: number;
  /** Absent: as fast as they are taken. */
  readonly linesPerSecond?: number;
  /** The others are measured against the first of these that is here. */
  readonly peers: readonly PeerName[];
};

/** A running peer. `senders[i]` names an app: in its frames, or as the value of Authorization. */
export type Running = {
  readonly port: number;
  readonly senders: readonly string[];
  /** The peer discards lines, so nothing comes out of it. */
  readonly throwsAway?: true;
  /** CPU seconds so far. */
  cpuSeconds(): Promise<number>;
  /** The same of what it needs beside itself, which is not pinned with it. */
  besideSeconds?(): Promise<number>;
  /** CPU seconds of each thread so far, by its name. */
  threadSeconds?(): Promise<ReadonlyMap<string, number>>;
  /** The most that was resident at once, mapped files included. */
  peakBytes(): Promise<number>;
  stop(): Promise<void>;
};

/** Starts a peer for `job`, its drains at `port` of 127.0.0.1; undefined where it is not installed. `prefix` pins it. */
export type Start = (job: Job, port: number, prefix: readonly string[]) => Promise<Running | undefined>;

export const linesABody = 100;

/** The table of issue and manual, in its order. `lines`: of the fast ones; with few, start-up and warm-up decide. */
export function jobsOf(lines: number): readonly Job[] {
  const few = { apps: 10, connections: 10, lines };
  return [
    { name: "tcp-tcp", in: "tcp", out: "tcp", ...few, peers: ["rsyslog", "syslog-ng", "floor", "tailrace"] },
    { name: "tcp-http", in: "tcp", out: "http", ...few, peers: ["syslog-ng", "tailrace"] },
    {
      name: "http-http",
      in: "http",
      out: "http",
      ...few,
      peers: ["fastify", "floor", "tailrace"],
    },
    {
      name: "http-http on NATS",
      in: "http",
      out: "http",
      ...few,
      peers: ["tailrace", "tailrace on NATS"],
    },
    {
      name: "tcp-tcp of 1,000 apps",
      ...{ in: "tcp", out: "tcp", apps: 1_000, connections: 100, lines },
      peers: ["rsyslog", "floor", "tailrace"],
    },
    {
      name: "tcp-tcp at 10,000/s",
      ...{ in: "tcp", out: "tcp", apps: 10, connections: 10, lines: 60_000, linesPerSecond: 10_000 },
      peers: ["rsyslog", "floor", "tailrace"],
    },
  ];
}

/** Names of the apps where a peer takes any. */
export const namesOf = (apps: number): string[] =>
  Array.from({ length: apps }, (_, at) => `app-${String(at).padStart(5, "0")}`);
