/** The fields of the API that the command line sends and reads. */
import type { DrainFieldsBody } from "../../src/core/records/drain-fields.ts";

export type App = { readonly id: string; readonly name: string; readonly created_at: string };
/** `url`: the address for sending lines with this token, if the server says one. */
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
  /** The node that received them: `HOST:PORT`. Older servers do not say. */
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
/** `apps` null: all apps. `expires_in`: seconds from now; null: never. */
export type KeyBody = {
  readonly description?: string;
  readonly apps?: readonly string[] | null;
  readonly read_only?: boolean;
  readonly expires_in?: number | null;
};
/** A field that is left out stays the same; null removes it. */
export type DrainChangesBody = DrainFieldsBody & { readonly url?: string };
export type DrainBody = DrainChangesBody & {
  readonly url: string;
  readonly since?: string;
  readonly verify?: true;
};
/** The result of a drain's test line. */
export type DrainTestResult = {
  readonly kind: string;
  readonly reason: string | null;
  /** Says that its certificate expires soon. */
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
  /** The add-on that it belongs to. */
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
  /** The newest replay: of its `lines`, some are `left`, and some of the others were `sent`. */
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
  /** Any of these. */
  readonly source?: string | readonly string[];
  readonly dyno?: string | readonly string[];
  /** None of these. */
  readonly exclude_dyno?: readonly string[];
  readonly level?: string;
  readonly since?: string;
  readonly until?: string;
  readonly context_before?: number;
  readonly context_after?: number;
  readonly match?: string;
  readonly exclude?: string;
  readonly format: "text" | "json" | "raw";
  /** The stream reports how far it has searched, in events named `searched`. */
  readonly progress?: true;
};
/** The address for reading, and the most lines of history that it shows. */
export type OpenedSession = {
  readonly url: URL;
  readonly lines: number | undefined;
  readonly linesMax: number | undefined;
};
/** How many dynos of a process type are wanted. */
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
