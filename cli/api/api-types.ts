/** The fields of the API that the command line sends and reads. */
import type { DrainFieldsBody } from "../../src/core/records/drain-fields.ts";

export type App = { readonly id: string; readonly name: string; readonly created_at: string };
/** `url` is the address to send lines to with it, if the server says one. */
export type TokenMarks = { readonly keep_hostname?: true; readonly keep_source?: true };
export type IngestToken = TokenMarks & {
  readonly token: string;
  readonly name: string;
  readonly url?: string;
  readonly syslog_tag?: string;
};
export type Sender = {
  readonly peer: string;
  readonly door: string | null;
  readonly framing: string | null;
  readonly frames: number;
  readonly seen_at: string;
  /** The node that heard it: `HOST:PORT`. Older servers do not say. */
  readonly node?: string;
  readonly last_error: {
    readonly cause: string;
    readonly message: string;
    readonly mend: string;
    readonly first_bytes: string | null;
    readonly at: string;
  } | null;
};
export type Authorization = {
  readonly id: string;
  readonly description: string;
  readonly created_at: string;
  readonly apps?: readonly (string | { readonly name: string })[] | null;
  readonly read_only?: boolean;
  readonly access_token?: { readonly token?: string; readonly expires_in?: number | null } | null;
};
/** `apps` null: all of them. `expires_in`: seconds from now, null: never. */
export type KeyBody = {
  readonly description?: string;
  readonly apps?: readonly string[] | null;
  readonly read_only?: boolean;
  readonly expires_in?: number | null;
};
/** A field that is left out stays; null takes one away. */
export type DrainChangesBody = DrainFieldsBody & { readonly url?: string };
export type DrainBody = DrainChangesBody & {
  readonly url: string;
  readonly since?: string;
  readonly verify?: true;
};
/** The result of a test line over a drain. */
export type DrainTestResult = {
  readonly kind: string;
  readonly reason: string | null;
  /** Its certificate ends soon, in words. */
  readonly expiring?: string | null;
  readonly steps?: readonly {
    readonly name: string;
    readonly ms: number;
    readonly detail: string;
    readonly failed: boolean;
  }[];
};
export type Drain = {
  readonly id: string;
  readonly token: string;
  readonly url: string;
  readonly created_at: string;
  /** The add-on that it is of. */
  readonly addon?: { readonly id: string; readonly name: string } | null;
  readonly format?: string;
  readonly compression?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly filter?: NonNullable<DrainFieldsBody["filter"]>;
  readonly redact?: NonNullable<DrainFieldsBody["redact"]>;
  readonly signed?: boolean;
  readonly state?: string;
  readonly last_error?: string | { readonly at?: string; readonly message?: string } | null;
  readonly last_test?: {
    readonly at: string;
    readonly kind: string;
    readonly reason: string | null;
    readonly expiring: string | null;
  } | null;
  readonly lag_lines?: number;
  readonly lag_seconds?: number | null;
  readonly rate?: number;
  readonly next_attempt_at?: string | null;
  readonly delivered?: number;
  readonly refused?: number;
  readonly lost?: number;
  readonly filtered?: number;
  readonly replayed?: number;
  readonly delivered_at?: string | null;
  readonly well_since?: string | null;
  /** The newest: of its `lines` some are `left`, and of the others some were `sent`. */
  readonly replay?: {
    readonly since: string;
    readonly state: string;
    readonly lines: number;
    readonly left: number;
    readonly sent: number;
  } | null;
};
export type SessionBody = {
  readonly lines?: number;
  readonly tail: boolean;
  /** Any of them. */
  readonly source?: string | readonly string[];
  readonly dyno?: string | readonly string[];
  /** None of them. */
  readonly exclude_dyno?: readonly string[];
  readonly level?: string;
  readonly since?: string;
  readonly until?: string;
  readonly context_before?: number;
  readonly context_after?: number;
  readonly match?: string;
  readonly exclude?: string;
  readonly format: "text" | "json" | "raw";
  /** The stream tells what it has looked at, by events named `searched`. */
  readonly progress?: true;
};
/** The address to read at, and how many lines of history it shows at most. */
export type OpenedSession = {
  readonly url: URL;
  readonly lines: number | undefined;
  readonly linesMax: number | undefined;
};
/** The dynos that are wanted of a process type. */
export type FormationEntry = {
  readonly type: string;
  readonly command: string;
  readonly quantity: number;
  readonly size: string;
};
/** `quantity`: a number, or `+1` and `-1`. */
export type FormationUpdate = { readonly type: string; readonly quantity?: string; readonly size?: string };
export type Release = {
  readonly version: number;
  readonly description: string;
  readonly status: string;
  readonly created_at: string;
};
export type DeployBody = {
  readonly description: string;
  readonly process_types: Readonly<Record<string, string>>;
  readonly status: "pending" | "succeeded";
};
export type DynoInfo = {
  readonly name: string;
  readonly type: string;
  readonly state: string;
  readonly size: string;
  readonly command: string;
  readonly release: { readonly version: number };
  readonly updated_at: string;
};
/** The program that runs an app's dynos. */
export type RunnerInfo = { readonly id: string; readonly host: string; readonly pid: number };
