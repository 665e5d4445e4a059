/** A drain as its owner writes it and sees it. Secrets go in and never come out, but for those in the URL. */
import { compressionOf, formatOf } from "../../drains/destination.ts";
import type { DrainLedger } from "../../registry/drain-ledger.ts";
import type { AppRecord, DrainRecord } from "../../registry/records.ts";
import {
  appRef,
  arrayOf,
  bodyOf,
  count,
  flag,
  object,
  optionalText,
  optionalTime,
  text,
  time,
  uuid,
} from "../schemas.ts";

const filterFields = { sources: arrayOf(text), dynos: arrayOf(text), match: text, exclude: text };
const redactFields = { detectors: arrayOf(text), patterns: arrayOf(text) };
const pem = { ...optionalText, description: "PEM, for https and syslog+tls" };

/** The options of a drain besides its URL. */
const drainOptionFields = {
  format: {
    ...optionalText,
    description:
      "`logplex` (when left out), `rfc5424`, `ndjson`, `otlp`, `otlp-json`, `loki`, `datadog`, `newrelic`, `splunk`, `betterstack`",
  },
  compression: { ...optionalText, description: "`gzip`, for http and https" },
  headers: {
    type: "object",
    nullable: true,
    additionalProperties: text,
    description: "sent with every request; the values are not shown again",
  },
  filter: { ...bodyOf(filterFields), nullable: true, description: "which lines; every part has to hold" },
  redact: {
    ...bodyOf(redactFields),
    nullable: true,
    description: "what to take out of lines: `email`, `card`, `bearer`, `ip`, and RE2 patterns",
  },
  secret: { ...optionalText, description: "signs bodies; not shown again" },
  previous_secret: { ...optionalText, description: "signs them too, while receivers change over" },
  ca: pem,
  cert: pem,
  key: pem,
} as const;

const url = { ...text, description: "https://, http://, syslog:// or syslog+tls://" };

/** The fields that can be changed. */
export const drainChangesBody = bodyOf({ url, ...drainOptionFields });

export const newDrainBody = bodyOf(
  {
    url,
    ...drainOptionFields,
    since: { ...optionalText, description: "start with the lines since then: RFC 3339, or `10m` ago" },
    verify: {
      ...flag,
      nullable: true,
      description: "send a test line first, and add nothing when the destination does not take it",
    },
  },
  ["url"],
);

export const drainReply = object(
  {
    id: uuid,
    url: text,
    token: text,
    addon: { ...object({}), nullable: true },
    app: appRef,
    created_at: time,
    updated_at: time,
    format: text,
    compression: optionalText,
    headers: { type: "object", additionalProperties: text, description: "names; the values are hidden" },
    filter: { type: "object", properties: filterFields },
    redact: { type: "object", properties: redactFields },
    signed: { ...flag, description: "a `secret` is set" },
    state: { ...text, enum: ["idle", "delivering", "retrying", "paused"] },
    last_error: object({ at: text, message: text }, { nullable: true }),
    last_test: {
      ...object({ at: text, kind: text, reason: optionalText, expiring: optionalText }, { nullable: true }),
      description: "what the newest test line found",
    },
    lag_lines: { ...count, description: "lines that wait" },
    lag_seconds: { ...count, description: "age of the oldest of them" },
    rate: { type: "number", description: "lines a second, delivered over the last minute or so" },
    delivered: count,
    refused: { ...count, description: "lines that the destination would not take" },
    lost: { ...count, description: "lines that retention took before the drain could" },
    filtered: count,
    replayed: { ...count, description: "lines sent once more by `replay`; in no other count" },
    delivered_at: optionalTime,
    next_attempt_at: {
      ...optionalText,
      description:
        "while it is `retrying`: not before then; in the past while it tries, or waits for its turn",
    },
    extended: object({ drain_id: count }),
  },
  { optional: ["extended"] },
);

const hidden = "(hidden)";

export const replyOf = (
  app: AppRecord,
  drain: DrainRecord,
  ledger: DrainLedger,
  { isExtended, shownUrl }: { isExtended: boolean; shownUrl: (url: string) => string },
) => ({
  id: drain.id,
  url: shownUrl(drain.url ?? ""),
  token: drain.token,
  addon: null,
  app: { id: app.id, name: app.name },
  created_at: drain.createdAt,
  updated_at: drain.updatedAt,
  format: formatOf(drain.url ?? "", drain.format),
  compression: compressionOf(drain.url ?? "", drain.compression) ?? null,
  headers: Object.fromEntries(Object.keys(drain.headers ?? {}).map((name) => [name, hidden])),
  filter: drain.filter ?? {},
  redact: drain.redact ?? {},
  signed: drain.secret !== undefined,
  state: ledger.state,
  last_error: ledger.lastError ?? null,
  last_test: ledger.lastTest ? { reason: null, expiring: null, ...ledger.lastTest } : null,
  lag_lines: ledger.lagLines,
  lag_seconds: ledger.lagSeconds,
  rate: ledger.rate,
  delivered: ledger.delivered,
  refused: ledger.refused,
  lost: ledger.lost,
  filtered: ledger.filtered,
  replayed: ledger.replayed,
  delivered_at: ledger.deliveredAt ?? null,
  next_attempt_at: ledger.nextAttemptAt ?? null,
  ...(isExtended && { extended: { drain_id: drain.number } }),
});
