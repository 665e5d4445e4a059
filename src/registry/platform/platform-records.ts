/** The wanted state of an app that somebody runs, and the state that its runner reports. */

/** How many dynos of one process type are wanted. */
export type FormationEntry = {
  readonly type: string;
  readonly command: string;
  readonly quantity: number;
  readonly size: string;
};

/** One version of what an app runs: the lines of its Procfile and its config vars. */
export type Release = {
  readonly id: string;
  readonly version: number;
  readonly description: string;
  readonly user: { readonly id: string; readonly email: string };
  /** `pending` while its `release:` line runs. */
  readonly status: "pending" | "succeeded" | "failed";
  readonly createdAt: string;
};

/** An order, which a runner carries out once. `target`: a dyno or a process type; absent: all dynos. */
export type Order = { readonly number: number; readonly atMs: number } & (
  | { readonly kind: "restart" | "stop"; readonly target?: string }
  | {
      readonly kind: "run";
      /** The dyno's name: `run.1234`. */
      readonly dyno: string;
      readonly command: string;
      readonly size: string;
      readonly env: Readonly<Record<string, string>>;
    }
);

/** At `platform/CHANNEL`: everything that is wanted of an app, in one record, so that each change is atomic. */
export type PlatformRecord = {
  /** Grows with every change: a runner that has seen a revision waits for the next. */
  readonly revision: number;
  readonly formation: readonly FormationEntry[];
  /** Config vars. They are secrets: no line shows them, and keys that only read do not see them. */
  readonly config: Readonly<Record<string, string>>;
  /** The newest releases, oldest first. */
  readonly releases: readonly Release[];
  /** The newest orders, oldest first. */
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
  /** When its state last changed. */
  readonly updatedAt: string;
};

/** At `runner/CHANNEL`: the program that runs the app's dynos, and its dynos. An app has one runner at a time. */
export type RunnerRecord = {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly seenAtMs: number;
  /** When the runner was found to have been silent for too long: its dynos are down. */
  readonly silentAtMs?: number;
  readonly dynos: readonly DynoReport[];
};
