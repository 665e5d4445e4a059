/** A drain in the forms that its owner writes and reads. Secrets go in and never come out, except those in the URL. */
import type { DrainLedger } from "../../registry/drain-ledger.ts";
import type { AppRecord, DrainClaim, DrainRecord } from "../../registry/records.ts";
import {
  appRef,
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
import { drainFieldsShown, drainFieldsTaken, shownFieldsOf } from "./drain-fields.ts";

const url = { ...text, description: "https://, http://, syslog:// or syslog+tls://" };

/** The fields that can be changed. */
export const drainChangesBody = bodyOf({ url, ...drainFieldsTaken });

export const newDrainBody = bodyOf(
  {
    url,
    ...drainFieldsTaken,
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
    addon: object({ id: uuid, name: text }, { nullable: true }),
    app: appRef,
    created_at: time,
    updated_at: time,
    ...drainFieldsShown,
    state: { ...text, enum: ["idle", "delivering", "retrying", "paused"] },
    last_error: object({ at: text, message: text }, { nullable: true }),
    last_test: {
      ...object({ at: text, kind: text, reason: optionalText, expiring: optionalText }, { nullable: true }),
      description: "what the newest test line found",
    },
    lag_lines: { ...count, description: "lines that wait" },
    lag_seconds: { ...count, description: "age of the oldest of them" },
    rate: {
      type: "number",
      description: "lines a second, delivered over the last minute or so; 0 while it fails",
    },
    delivered: count,
    refused: { ...count, description: "lines that the destination would not take" },
    lost: { ...count, description: "lines that retention took before the drain could" },
    filtered: count,
    replayed: { ...count, description: "lines sent once more by `replay`; in no other count" },
    delivered_at: optionalTime,
    well_since: {
      ...optionalTime,
      description:
        "when it took lines again behind its last failure, or for the first time; null while it fails",
    },
    replay: {
      ...object(
        {
          since: time,
          state: { ...text, enum: ["waiting", "sending", "done"] },
          lines: { ...count, description: "lines from then up to where the drain was" },
          left: { ...count, description: "of these, still to go through" },
          sent: { ...count, description: "of the others, delivered; its filter keeps the rest" },
        },
        { nullable: true },
      ),
      description: "the newest replay",
    },
    next_attempt_at: {
      ...optionalText,
      description:
        "while it is `retrying`: not before then; in the past while it tries, or waits for its turn",
    },
    extended: object({ drain_id: count }),
  },
  { optional: ["extended"] },
);

/** A removed drain; if its record could not be read, only the required fields are known. */
export const removedDrainReply = { ...drainReply, required: ["id", "url", "app"] };

export const unreadableReplyOf = ({ id, name }: AppRecord, claim: DrainClaim) => ({
  id: claim.id,
  url: claim.url ?? "",
  app: { id, name },
});

export const replyOf = (
  app: AppRecord,
  drain: DrainRecord,
  ledger: DrainLedger,
  { isExtended, shownUrl }: { isExtended: boolean; shownUrl: (url: string) => string },
) => ({
  id: drain.id,
  url: shownUrl(drain.url ?? ""),
  token: drain.token,
  addon: drain.addon ?? null,
  app: { id: app.id, name: app.name },
  created_at: drain.createdAt,
  updated_at: drain.updatedAt,
  ...shownFieldsOf(drain),
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
  well_since: ledger.wellSince ?? null,
  replay: ledger.replay ?? null,
  next_attempt_at: ledger.nextAttemptAt ?? null,
  ...(isExtended && { extended: { drain_id: drain.number } }),
});
