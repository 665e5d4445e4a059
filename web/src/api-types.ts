/** The parts of the API's answers that the page uses. */
import type { Level } from "../../src/core/message/level.ts";

export type App = { readonly id: string; readonly name: string };
export type KeyFacts = {
  readonly id: string;
  readonly operator: boolean;
  readonly all_apps: boolean;
  readonly read_only: boolean;
};
export type WebSession = {
  readonly signed_in: boolean;
  readonly key: KeyFacts | null;
  readonly expires_at: string | null;
};
export type LogSummary = {
  readonly position: string;
  readonly end_line: number;
  readonly oldest: { readonly line: number; readonly accepted_at: string } | null;
  readonly recent: { readonly seconds: number; readonly lines: number; readonly errors: number };
  readonly newest: {
    readonly accepted_at: string;
    readonly source: string;
    readonly dyno: string;
    readonly severity: Level;
    readonly message: string;
  } | null;
  readonly drains: {
    readonly idle: number;
    readonly delivering: number;
    readonly retrying: number;
    readonly paused: number;
    readonly tests_failed: number;
    readonly lag_lines: number;
  };
};
type HistogramBin = Readonly<
  Record<"error" | "warn" | "info" | "debug" | "first_line" | "end_line", number>
> & {
  readonly at: string;
  readonly position: string;
};
export type LogHistogram = {
  readonly step_seconds: number;
  readonly bins: readonly HistogramBin[];
  readonly first_line: number;
  readonly end_line: number;
  readonly complete: boolean;
  /** Processes that wrote any of the counted lines. */
  readonly dynos: readonly string[];
};
export type SessionBody = Readonly<Record<string, unknown>>;
type DrainState = "idle" | "delivering" | "retrying" | "paused";
export type Drain = {
  readonly id: string;
  readonly token: string;
  readonly url: string;
  readonly created_at: string;
  /** The add-on whose drain it is: its provider sets the URL, and it is removed with the add-on. */
  readonly addon?: { readonly name: string } | null;
  readonly format?: string;
  readonly compression?: string | null;
  readonly filter?: Readonly<Record<string, unknown>> | null;
  readonly state: DrainState;
  readonly last_error: { readonly at: string; readonly message: string } | null;
  readonly last_test: { readonly at: string; readonly kind: string; readonly reason: string | null } | null;
  readonly lag_lines: number;
  readonly lag_seconds: number;
  readonly rate: number;
  readonly next_attempt_at: string | null;
  readonly delivered: number;
  readonly refused: number;
  readonly lost: number;
  readonly filtered: number;
  readonly replayed: number;
  readonly delivered_at: string | null;
  readonly well_since: string | null;
  readonly replay: Replay | null;
};
export type Replay = {
  readonly since: string;
  readonly state: "waiting" | "sending" | "done";
  readonly lines: number;
  readonly left: number;
  readonly sent: number;
};
export type DrainHistory = {
  readonly samples: readonly { readonly at: string; readonly lag_lines: number; readonly rate: number }[];
};
export type DrainTest = {
  readonly kind: "delivered" | "retry" | "split" | "refused";
  readonly reason: string | null;
  readonly expiring: string | null;
  readonly steps: readonly {
    readonly name: string;
    readonly ms: number;
    readonly detail: string;
    readonly failed: boolean;
  }[];
};
