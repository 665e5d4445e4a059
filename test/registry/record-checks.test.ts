/**
 * Records of every kind against every damage: a value that another program wrote is refused with its field, and no
 * value is told. Records of earlier versions are read as they are.
 */
import { describe, expect, test } from "vitest";
import { type RecordKind, recordPrefixes } from "../../src/core/records/record-keys.ts";
import { type Check, inWords, isCount, isText } from "../../src/core/records/record-shape.ts";
import { isHeadRecord } from "../../src/engines/nats/log/heads.ts";
import { AppError } from "../../src/errors/app-error.ts";
import { readCheckpoint } from "../../src/registry/drain-checkpoint.ts";
import { flawOfRecord } from "../../src/registry/record-checks.ts";

const id = "11111111-1111-4111-8111-111111111111";
const at = "2026-11-28T16:00:00Z";
const position = "7.3";
const start = { position, line: 10 };
const hidden = "hush";

type Sample = {
  readonly needed: Readonly<Record<string, unknown>>;
  readonly optional?: Readonly<Record<string, unknown>>;
  /** Of earlier versions. */
  readonly older?: readonly unknown[];
  readonly version?: number;
};

const objects = {
  app: { needed: { id, name: "todo", createdAt: at, updatedAt: at }, optional: { destroying: true } },
  appName: { needed: { id } },
  token: { needed: { token: hidden, channel: id, source: "app", createdAt: at } },
  key: {
    needed: { id, apps: "all", readOnly: false, description: "", createdAt: at },
    optional: { updatedAt: at, expiresAt: at },
    older: [{ id, apps: [id], readOnly: true, description: "ci", createdAt: at }],
  },
  keyPointer: { needed: { hash: "ab12" } },
  webSession: { needed: { keyHash: "ab12", createdAt: at, expiresAt: at } },
  drain: {
    needed: {
      id,
      number: 1,
      token: "d.1",
      channel: id,
      createdAt: at,
      updatedAt: at,
      start,
      paused: false,
    },
    optional: {
      url: `https://u:${hidden}@example.com`,
      format: "otlp",
      compression: "gzip",
      headers: { authorization: hidden },
      filter: { sources: ["app"], dynos: ["web"], match: "a", exclude: "b" },
      redact: { detectors: ["ip"], patterns: ["x"] },
      secret: hidden,
      previousSecret: hidden,
      ca: hidden,
      cert: hidden,
      key: hidden,
      telemetry: { endpoint: "https://example.com", signals: ["logs"] },
      replay: { id, sinceMs: 1 },
      addon: { id, name: "papertrail-1" },
    },
  },
  platform: {
    needed: {
      revision: 4,
      formation: [{ type: "web", command: "node web.js", quantity: 2, size: "Standard-1X" }],
      config: { SECRET: hidden },
      releases: [
        {
          id,
          version: 1,
          description: "Deploy",
          user: { id, email: "a@b" },
          status: "succeeded",
          createdAt: at,
        },
      ],
      orders: [{ number: 4, atMs: 1, kind: "restart" }],
    },
  },
  addons: { needed: { addons: [] } },
  addonName: { needed: { channel: id, id }, optional: { atMs: 1 } },
  runner: {
    needed: { id, host: "box", pid: 7, seenAtMs: 1, dynos: [] },
    optional: { silentAtMs: 2 },
  },
  drainClaims: {
    needed: { claims: [{ id, url: "https://example.com/", atMs: 1 }] },
    older: [{ claims: [] }],
  },
  drainCheckpoint: {
    version: 2,
    needed: { version: 2, position, line: 12, delivered: 2, refused: 0, lost: 0, filtered: 0 },
    optional: {
      startLine: 10,
      replayed: 0,
      deliveredAt: at,
      rate: { perSecond: 1, atMs: 1 },
      failing: { nextAttemptAt: at },
      lastError: { at, message: hidden },
      lease: 3,
      parcelEnd: 14,
      expiryToldAtMs: 1,
      replay: { id, position, progress: { firstLine: 1, line: 2, endLine: 3, sent: 0 } },
      wellSince: at,
      unconfirmed: [{ position, line: 10, endLine: 12, counted: 2 }],
    },
    older: [
      {
        position,
        line: 12,
        delivered: 2,
        refused: 0,
        lost: 0,
        filtered: 0,
        phase: "retrying",
        nextAttemptAt: at,
        doubt: { position, line: 10, endLine: 12, counted: 2 },
      },
    ],
  },
  drainSheet: { needed: { lease: 3, drains: { [id]: { line: 1 } } }, older: [{ lease: 3, drains: {} }] },
  drainTest: { needed: { at, kind: "delivered" }, optional: { reason: "r", expiring: "e" } },
  leaseShard: { needed: { holder: "node-1" }, older: [{ holder: null }] },
  channelEnd: { needed: { line: 3, bytes: 9, position } },
} satisfies Partial<Record<RecordKind, Sample>>;

const lists = {
  tokenClaims: {
    good: [[], ["ab"], [{ id: "ab", atMs: 1 }, "cd"]],
    bad: [[3], [{ id: 3 }], [null], {}, "x"],
  },
  keyClaims: { good: [[id], [{ id, atMs: 1 }]], bad: [[[]], [{ id }], {}, { version: 2 }] },
};
const single = {
  drainNumber: { good: [0, 7], bad: ["7", -1, 0.5, {}, { version: 2 }] },
  sessionSecret: { good: ["secret"], bad: [7, {}, null] },
  logShards: { good: [16], bad: ["16", -1, null, []] },
  logId: { good: ["abcd"], bad: [7, {}, null] },
};
/** Nothing of these is read. */
const unread: readonly RecordKind[] = ["readyCheck", "leases", "leaseNode"];

test("every kind is here", () => {
  const tried = [...Object.keys(objects), ...Object.keys(lists), ...Object.keys(single), ...unread];
  expect(tried.sort()).toEqual(Object.keys(recordPrefixes).sort());
});

/** The kinds that have a reader of their own. */
const readers: Partial<Record<RecordKind, (value: unknown) => string | undefined>> = {
  drainCheckpoint(value) {
    try {
      readCheckpoint(value, { id: id as never, start: start as never });
      return undefined;
    } catch (failure) {
      if (failure instanceof AppError) return failure.message;
      throw failure;
    }
  },
  channelEnd: words(isHeadRecord),
  logShards: words(isCount),
  logId: words(isText),
};

function words(check: Check) {
  return (value: unknown) => {
    const flaw = check(value);
    return flaw && inWords(flaw);
  };
}

function flawOf(kind: RecordKind, value: unknown): string | undefined {
  const own = readers[kind];
  const flaw =
    own === undefined
      ? flawOfRecord(recordPrefixes[kind] + "x".repeat(+recordPrefixes[kind].endsWith("/")), value)
      : own(value);
  expect(flaw ?? "").not.toContain(hidden);
  return flaw;
}

describe.each(Object.entries(objects) as [RecordKind, Sample][])("%s", (kind, sample) => {
  const { needed, optional = {}, older = [], version = 1 } = sample;
  const whole = { ...needed, ...optional };

  test("is read, with and without what it may have, and with what is not known of it", () => {
    expect(flawOf(kind, needed)).toBeUndefined();
    expect(flawOf(kind, whole)).toBeUndefined();
    expect(flawOf(kind, { ...whole, version, more: [hidden] })).toBeUndefined();
  });

  test("of an earlier version is read", () => {
    for (const value of older) expect(flawOf(kind, value)).toBeUndefined();
  });

  test("of a later version is refused as such", () => {
    for (const later of [version + 1, 99])
      expect(flawOf(kind, { ...whole, version: later })).toContain(`version ${later}`);
    expect(flawOf(kind, { ...whole, version: hidden })).toContain("without a number");
  });

  test("of another type is refused", () => {
    for (const value of [null, 5, "text", true, [], [whole]])
      expect(flawOf(kind, value)).toContain("is no object");
  });

  test("without a field that it needs is refused, with the field's name", () => {
    for (const name of Object.keys(needed).filter((each) => each !== "version")) {
      const { [name]: _, ...rest } = whole as Record<string, unknown>;
      expect(flawOf(kind, rest)).toContain(`\`${name}\` is missing`);
    }
  });

  test("with a field of another type is refused, with the field's name", () => {
    for (const name of Object.keys(whole).filter((each) => each !== "version"))
      for (const value of [{ [hidden]: 5 }, [[hidden]], Number.NaN])
        if (!(name === "filter" || name === "redact") || typeof value === "number" || Array.isArray(value))
          expect(flawOf(kind, { ...whole, [name]: value }), name).toMatch(new RegExp(`\`${name}[.\`]`));
  });
});

describe.each(Object.entries({ ...lists, ...single }) as [RecordKind, { good: unknown[]; bad: unknown[] }][])(
  "%s",
  (kind, { good, bad }) => {
    test("is read, and refused when it is of another form", () => {
      for (const value of good) expect(flawOf(kind, value)).toBeUndefined();
      for (const value of bad) expect(flawOf(kind, value), JSON.stringify(value)).toBeTypeOf("string");
    });
  },
);

test("a checkpoint whose numbers contradict each other is refused", () => {
  const good = { ...objects.drainCheckpoint.needed };
  expect(flawOf("drainCheckpoint", { ...good, delivered: 1 })).toContain("do not add up");
  const stretch = { position, line: 10, endLine: 13, counted: 2 };
  expect(flawOf("drainCheckpoint", { ...good, unconfirmed: [stretch] })).toContain("unconfirmed");
});
