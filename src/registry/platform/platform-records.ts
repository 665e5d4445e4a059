/** The wanted state of an app that somebody runs, and the state that its runner tells. */

/** The dynos of one process type that are wanted. */
export type FormationEntry = {
  readonly type: string;
  readonly command: string;
  readonly quantity: number;
  readonly size: string;
};

/** One version of what an app runs: its Procfile's lines and its config vars together. */
export type Release = {
  readonly id: string;
  readonly version: number;
  readonly description: string;
  readonly user: { readonly id: string; readonly email: string };
  /** `pending` while its `release:` line runs. */
  readonly status: "pending" | "succeeded" | "failed";
  readonly createdAt: string;
};

/** An order that a runner carries out once. `target`: a dyno or a process type; absent: all dynos. */
export type Order = { readonly number: number; readonly atMs: number } & (
  | { readonly kind: "restart" | "stop"; readonly target?: string }
  | {
      readonly kind: "run";
      /** The dyno's own: `run.1234`. */
      readonly dyno: string;
      readonly command: string;
      readonly size: string;
      readonly env: Readonly<Record<string, string>>;
    }
);

/** At `platform/CHANNEL`: all that is wanted of an app, in one record, so that each change is whole. */
export type PlatformRecord = {
  /** Grows with every change: a runner that has seen it waits for the next. */
  readonly revision: number;
  readonly formation: readonly FormationEntry[];
  /** Config vars. Secrets: they are in no line, and keys that only read do not see them. */
  readonly config: Readonly<Record<string, string>>;
  /** The newest ones, oldest first. */
  readonly releases: readonly Release[];
  /** The newest ones, oldest first. */
  readonly orders: readonly Order[];
};

export const dynoStates = ["starting", "up", "idle", "crashed", "down", "stopping", "complete"] as const;
type DynoState = (typeof dynoStates)[number];

/** A dyno as its runner reports it. */
export type DynoReport = {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly state: DynoState;
  readonly command: string;
  readonly size: string;
  /** The version of the release that it runs. */
  readonly release: number;
  readonly createdAt: string;
  /** The time of its last change of state. */
  readonly updatedAt: string;
};

/** At `runner/CHANNEL`: the program that runs the app's dynos, and its dynos. One app has one runner at a time. */
export type RunnerRecord = {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly seenAtMs: number;
  /** It was not heard of for too long, at that time: nothing runs its dynos, which are down. */
  readonly silentAtMs?: number;
  readonly dynos: readonly DynoReport[];
};
