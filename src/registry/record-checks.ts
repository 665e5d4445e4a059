/**
 * Defines what a record of each kind must look like to be used. The fields are those of version 1, which has no version
 * field; a change to the meaning of a field must write `version: 2`, so that an older program leaves the record alone.
 */
import { allDrainFields, type DrainField } from "../core/records/drain-fields.ts";
import { kindOf, type RecordKind } from "../core/records/record-keys.ts";
import {
  anything,
  type Check,
  hasFields,
  inWords,
  isCount,
  isEither,
  isFlag,
  isListOf,
  isMapOf,
  isNumber,
  isOneOf,
  isPosition,
  isText,
  isTime,
  ofVersion,
} from "../core/records/record-shape.ts";
import { isSheet } from "./drain-sheet.ts";

/** In 0.1, a list of claims holds only ids. */
const claims = isListOf(isEither(isText, hasFields({ id: isText, atMs: isNumber })));
const app = { id: isText, name: isText, createdAt: isTime, updatedAt: isTime };
const token = { token: isText, channel: isText, source: isText, createdAt: isTime };
const key = {
  id: isText,
  apps: isEither(isOneOf("all"), isListOf(isText)),
  readOnly: isFlag,
  description: isText,
  createdAt: isTime,
};
const drain = {
  id: isText,
  number: isCount,
  token: isText,
  channel: isText,
  createdAt: isTime,
  updatedAt: isTime,
  start: hasFields({ position: isPosition, line: isCount }),
  paused: isFlag,
};
const drainFieldChecks = Object.fromEntries(
  allDrainFields.map((field) => [field.record, checkOf(field)] as const),
);
const drainOptions = {
  ...drainFieldChecks,
  url: isText,
  telemetry: hasFields({ endpoint: isText, signals: isListOf(isText) }),
  replay: hasFields({ id: isText, sinceMs: isNumber }),
  addon: hasFields({ id: isText, name: isText }),
};
const drainTest = { at: isTime, kind: isOneOf("delivered", "retry", "split", "refused") };

const formationEntry = { type: isText, command: isText, quantity: isCount, size: isText };
const platform = {
  revision: isCount,
  formation: isListOf(hasFields(formationEntry)),
  config: isMapOf(isText),
  releases: isListOf(hasFields({ id: isText, version: isCount, status: isText, createdAt: isTime })),
  orders: isListOf(hasFields({ number: isCount, atMs: isNumber, kind: isText })),
};
const dynoReport = { id: isText, name: isText, type: isText, state: isText, command: isText, size: isText };
const addon = {
  id: isText,
  name: isText,
  service: isText,
  plan: isText,
  state: isText,
  configVars: isListOf(isText),
  atMs: isNumber,
};
const held = hasFields({ hash: isText, untilMs: isNumber });
const addonGrants = { grant: held, access: isListOf(held), refreshHash: isText };
const runner = {
  id: isText,
  host: isText,
  pid: isCount,
  seenAtMs: isNumber,
  dynos: isListOf(hasFields(dynoReport)),
};

/** The check for each kind. Those of `anything` are checked by their only reader, or are never read. */
const checks: Readonly<Record<RecordKind, Check>> = {
  app: ofVersion(1, hasFields(app, { destroying: isOneOf(true), generation: isOneOf("fir") })),
  appName: ofVersion(1, hasFields({ id: isText })),
  token: ofVersion(1, hasFields(token, { keepHostname: isOneOf(true), keepSource: isOneOf(true) })),
  tokenClaims: claims,
  key: ofVersion(1, hasFields(key, { updatedAt: isTime, expiresAt: isTime })),
  keyPointer: ofVersion(1, hasFields({ hash: isText })),
  keyClaims: claims,
  webSession: ofVersion(1, hasFields({ keyHash: isText, createdAt: isTime, expiresAt: isTime })),
  drain: ofVersion(1, hasFields(drain, drainOptions)),
  drainClaims: ofVersion(
    1,
    hasFields({ claims: isListOf(hasFields({ id: isText, atMs: isNumber }, { url: isText })) }),
  ),
  drainCheckpoint: anything, // `readCheckpoint`, which knows its drain
  drainSheet: isSheet,
  drainTest: ofVersion(1, hasFields(drainTest, { reason: isText, expiring: isText })),
  drainNumber: isCount,
  platform: ofVersion(1, hasFields(platform)),
  runner: ofVersion(1, hasFields(runner, { silentAtMs: isNumber })),
  addons: ofVersion(1, hasFields({ addons: isListOf(hasFields(addon, addonGrants)) })),
  addonName: ofVersion(1, hasFields({ channel: isText, id: isText }, { atMs: isNumber })),
  sessionSecret: isText,
  readyCheck: anything, // written only to see whether writing works
  leases: anything,
  leaseNode: anything, // only the fact that it changes matters
  leaseShard: ofVersion(1, hasFields({ holder: isEither(isOneOf(null), isText) })),
  channelEnd: anything, // the engine on NATS
  logShards: anything,
  logId: anything,
};

function checkOf({ kind, parts = [] }: DrainField): Check {
  if (kind === "headers") return isMapOf(isText);
  if (kind !== "parts") return isText;
  return hasFields(
    {},
    Object.fromEntries(parts.map((part) => [part.name, part.kind === "texts" ? isListOf(isText) : isText])),
  );
}

/** Why the record at `key` cannot be used, without quoting its values; undefined if it can. */
export function flawOfRecord(key: string, value: unknown): string | undefined {
  const kind = kindOf(key);
  const flaw = kind && checks[kind](value);
  return flaw && inWords(flaw);
}
