/**
 * The fields of a drain that its owner chooses, except its URL, in one table: bodies, replies, records and the command
 * line are made from it, each by its own reader next to it. A new field is a row here, its rule in
 * `registry/drain-options.ts`, and what its sink does with it.
 */
import type { FilterSpec } from "../filter/line-filter.ts";
import type { RedactionSpec } from "../patterns/redaction.ts";

/** An option of `drains:add` and `drains:update`. */
export type DrainFlag = {
  readonly name: string;
  /** Its value, as shown in the help. */
  readonly value: string;
  /** Absent: the commands have their own texts, since its meaning differs between them. */
  readonly help?: string;
  readonly repeats?: true;
};

/** A part of a field: a list of texts, or one RE2 pattern. */
export type DrainFieldPart = {
  readonly name: string;
  readonly kind: "texts" | "pattern";
  /** Its name in `drains:info`. */
  readonly label: string;
  readonly flag: DrainFlag;
};

export type DrainField = {
  /** Its name in bodies and replies. */
  readonly name: string;
  /** Its name in the stored record. */
  readonly record: string;
  readonly kind: "text" | "pem" | "headers" | "parts";
  /** Its description in the API. */
  readonly about: string;
  /**
   * Replies show its value, a value that is never null, its names with hidden values, whether it is set (as `signed`),
   * or nothing.
   */
  readonly shown: "value" | "always" | "names" | "whether" | "never";
  /** The most characters of the value; for `headers`, of each value. */
  readonly charsMax?: number;
  readonly flag?: DrainFlag;
  readonly parts?: readonly DrainFieldPart[];
};

const pem = {
  kind: "pem",
  about: "PEM, for https and syslog+tls",
  shown: "never",
  charsMax: 65_536,
} as const;
const secret = { kind: "text", shown: "never", charsMax: 1_000 } as const;

const drainFields = [
  {
    name: "format",
    record: "format",
    kind: "text",
    about:
      "`logplex` (when left out), `rfc5424`, `ndjson`, `otlp`, `otlp-json`, `loki`, `datadog`, `newrelic`, `splunk`, `betterstack`",
    shown: "always",
    flag: {
      name: "format",
      value: "<format>",
      help: "how lines are written: logplex, rfc5424, ndjson, otlp, loki, datadog, … (docs/destinations.md)",
    },
  },
  {
    name: "compression",
    record: "compression",
    kind: "text",
    about: "`gzip`, for http and https",
    shown: "value",
    flag: { name: "compression", value: "<kind>", help: "gzip" },
  },
  {
    name: "headers",
    record: "headers",
    kind: "headers",
    about: "sent with every request; the values are not shown again",
    shown: "names",
    charsMax: 4_096,
    flag: {
      name: "header",
      value: "<name: value>",
      help: "send this header along (may be repeated)",
      repeats: true,
    },
  },
  {
    name: "filter",
    record: "filter",
    kind: "parts",
    about: "which lines; every part has to hold",
    shown: "value",
    parts: [
      {
        name: "sources",
        kind: "texts",
        label: "sources",
        flag: {
          name: "source",
          value: "<source>",
          help: "only lines of this source (may be repeated)",
          repeats: true,
        },
      },
      {
        name: "dynos",
        kind: "texts",
        label: "dynos",
        flag: {
          name: "dyno",
          value: "<dyno>",
          help: "only this process (web.1) or type (web) (may be repeated)",
          repeats: true,
        },
      },
      {
        name: "match",
        kind: "pattern",
        label: "match",
        flag: {
          name: "match",
          value: "<re>",
          help: "only lines that match (RE2); repeated: any of them",
          repeats: true,
        },
      },
      {
        name: "exclude",
        kind: "pattern",
        label: "exclude",
        flag: {
          name: "exclude",
          value: "<re>",
          help: "not the lines that match (RE2); repeated: none of them",
          repeats: true,
        },
      },
    ],
  },
  {
    name: "redact",
    record: "redact",
    kind: "parts",
    about: "what to take out of lines: `email`, `card`, `bearer`, `ip`, and RE2 patterns",
    shown: "value",
    parts: [
      {
        name: "detectors",
        kind: "texts",
        label: "redact",
        flag: {
          name: "redact",
          value: "<detector>",
          help: "take these out of lines: email, card, bearer or ip (may be repeated)",
          repeats: true,
        },
      },
      {
        name: "patterns",
        kind: "texts",
        label: "redact patterns",
        flag: {
          name: "redact-pattern",
          value: "<re>",
          help: "take out what matches (RE2) (may be repeated)",
          repeats: true,
        },
      },
    ],
  },
  {
    ...secret,
    name: "secret",
    record: "secret",
    about: "signs bodies; not shown again",
    shown: "whether",
    flag: { name: "secret", value: "<text>" },
  },
  {
    ...secret,
    name: "previous_secret",
    record: "previousSecret",
    about: "signs them too, while receivers change over",
  },
  {
    ...pem,
    name: "ca",
    record: "ca",
    flag: { name: "ca", value: "<file>", help: "trust this authority (PEM)" },
  },
  {
    ...pem,
    name: "cert",
    record: "cert",
    flag: { name: "cert", value: "<file>", help: "client certificate (PEM)" },
  },
  {
    ...pem,
    name: "key",
    record: "key",
    flag: { name: "key", value: "<file>", help: "key of the client certificate (PEM)" },
  },
] as const satisfies readonly DrainField[];

type Field = (typeof drainFields)[number];

type Parts<Each extends readonly DrainFieldPart[]> = {
  readonly [Part in Each[number] as Part["name"]]?: Part["kind"] extends "texts" ? readonly string[] : string;
};
type Headers = Readonly<Record<string, string>>;

/** The fields in a body, in the form that the owner writes; null removes one. */
export type DrainFieldsBody = {
  readonly [Each in Field as Each["name"]]?:
    | (Each extends { readonly parts: infer Of extends readonly DrainFieldPart[] }
        ? Parts<Of>
        : Each["kind"] extends "headers"
          ? Headers
          : string)
    | null;
};

/** The fields in a drain's record. */
export type DrainFieldsRecord = {
  readonly [Each in Field as Each["record"]]?: Each["record"] extends "filter"
    ? FilterSpec
    : Each["record"] extends "redact"
      ? RedactionSpec
      : Each["kind"] extends "headers"
        ? Headers
        : string;
};

/** The same table, for iterating over it. */
export const allDrainFields: readonly DrainField[] = drainFields;
