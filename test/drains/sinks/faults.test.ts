/**
 * The fault matrix: each thing that a destination can do wrong, over each kind of drain, through a worker over a log.
 * `docs/drains.md` holds the table; `npm test -- test/drains/sinks/faults.test.ts -u` writes it anew.
 */
import { pino } from "pino";
import { afterAll, expect, test } from "vitest";
import { realClock } from "../../../src/clock.ts";
import { sinksFor } from "../../../src/drains/sink-for.ts";
import { ReadAheadBudget } from "../../../src/drains/worker/read-ahead-budget.ts";
import { DrainWorker } from "../../../src/drains/worker/worker.ts";
import { openMemory } from "../../../src/engines/memory.ts";
import type { Verdict } from "../../../src/ports.ts";
import { type DrainLedger, readLedger } from "../../../src/registry/drain-ledger.ts";
import { batchOf } from "../../support/batches.ts";
import { openBlackHole } from "../../support/black-hole.ts";
import { openPatterns } from "../../support/patterns.ts";
import { closedPort, openRawPeer } from "../../support/raw-peer.ts";
import { readText } from "../../support/sources.ts";
import { ca } from "../../support/tls.ts";
import { until } from "../../support/until.ts";
import { channel, drainOf, keepAll, limits } from "../rig.ts";
import { type Fault, faults, type Kind, peerTls } from "./faults.ts";
import { openSlots, recording, resolveHere, sinkOptions } from "./parts.ts";

/** What came of one fault over one kind of drain. */
type Row = {
  readonly fault: string;
  readonly kind: Kind;
  readonly verdict: string;
  readonly state: string;
  readonly reason: string;
  readonly ledger: string;
};

const waitMs = 400;
const atOnceMax = 6;
const rows: Row[] = [];

const cases = faults.flatMap((fault) => fault.kinds.map((kind) => ({ fault, kind })));
const results = inTurns(cases, ({ fault, kind }) => run(fault, kind));

test.each(cases.map((one, index) => ({ ...one, name: one.fault.name, index })))(
  "$kind: $name",
  async ({ fault, index }) => {
    const { row, verdict, ledger } = await results[index]!;
    rows[index] = row;
    expect(verdict).toMatchObject({ kind: fault.verdict });
    expect("slow" in verdict).toBe(fault.slow === true);
    const { delivered, refused, lost, filtered, lagLines } = ledger;
    expect(delivered + refused + lost + filtered + lagLines).toBe(2);
    expect({ delivered, refused }).toEqual({
      delivered: fault.verdict === "delivered" ? 2 : 0,
      refused: ["refused", "split"].includes(fault.verdict) ? 2 : 0,
    });
  },
);

test("the page shows them all (-u writes it)", async () => {
  const page = readText("docs/drains.md");
  const marks = /(<!-- faults: .* -->\n)[\s\S]*(<!-- end of faults -->)/;
  expect(page).toMatch(marks);
  expect(rows).toHaveLength(cases.length);
  await expect(
    page.replace(marks, (_all, start, end) => `${start}\n${table(rows)}\n${end}`),
  ).toMatchFileSnapshot("../../../docs/drains.md");
});

afterAll(async () => {
  await Promise.allSettled(results);
});

async function run(fault: Fault, kind: Kind) {
  const isNeverOpen = fault.peer === "black hole" || fault.peer === "silent name servers";
  const tls = peerTls(fault);
  const handle = typeof fault.peer === "function" ? fault.peer : () => {};
  const peer =
    fault.peer === "refuses"
      ? undefined
      : fault.peer === "black hole"
        ? await openBlackHole()
        : await openRawPeer(dated(handle), { ...(tls && { tls }) });
  const port = peer?.port ?? (await closedPort());
  const verdicts: Verdict[] = [];
  const makeSink = sinksFor({
    ...sinkOptions,
    ...(isNeverOpen && { connectMsMax: waitMs / 2 }),
    attemptMsMax: fault.waits ? waitMs : sinkOptions.attemptMsMax,
    resolve: fault.peer === "silent name servers" ? () => {} : resolveHere,
  });
  const engine = await openMemory({ clock: realClock, retention: keepAll });
  const drain = drainOf(1, {
    url: urlOf(kind, port, fault.tls !== undefined),
    ...(fault.tls && { ca }),
    ...fault.drain,
    ...formatOf(kind),
  });
  const texts = ["one", "two"].map((text) => text.padEnd(fault.lineBytes ?? 0, "x"));
  await engine.log.append(channel, { ...batchOf(texts), acceptedAtMs: Date.now() });
  const notices: string[] = [];
  const worker = await DrainWorker.open(drain, undefined, {
    ...engine,
    clock: realClock,
    random: () => 0.5,
    sinkFor: (record) => recording(makeSink(record), verdicts),
    slots: openSlots(),
    readAhead: new ReadAheadBudget(64 << 20),
    patterns: openPatterns(),
    notices: {
      lost: () => notices.push("L10"),
      refused: () => notices.push("L13"),
      certificate: () => notices.push("L14"),
      expiring: () => notices.push("L14 expiry"),
    },
    limits: {
      ...limits,
      parcelBytesMax: 64 << 20,
      probeBytesMax: 64 << 20,
      readAheadBytesMax: 64 << 20,
      commitMsMax: 1,
      retry: { ...limits.retry, delayMsMin: 1, delayMsMax: 1 },
    },
    logger: pino({ level: "silent" }),
  });
  let ledger!: DrainLedger;
  try {
    await until(async () => {
      ledger = await readLedger(engine.store, engine.log, drain, Date.now());
      const isSettled = fault.verdict === "retry" ? ledger.state === "retrying" : ledger.lagLines === 0;
      return verdicts.length > 0 && isSettled && ledger.state !== "delivering";
    });
  } finally {
    await worker.stop(0);
    await peer?.close();
    await engine.close();
  }
  const verdict = verdicts[0]!;
  return { verdict, ledger, row: rowOf(fault, kind, verdict, ledger, [...new Set(notices)], port) };
}

function rowOf(
  fault: Fault,
  kind: Kind,
  verdict: Verdict,
  ledger: DrainLedger,
  notices: readonly string[],
  port: number,
): Row {
  const wait = verdict.kind === "retry" && verdict.afterMs !== undefined ? verdict.afterMs : undefined;
  const words = [
    ledger.lastError?.message.replaceAll(`localhost:${port}`, "HOST:PORT") ?? "nothing",
    ...notices,
  ];
  const counts = [
    ["delivered", ledger.delivered],
    ["refused", ledger.refused],
    ["wait", ledger.lagLines],
  ] as const;
  return {
    fault: fault.name,
    kind,
    verdict: verdict.kind + (wait === undefined ? "" : `, not before ${roundS(wait)} s`),
    state: ledger.state,
    reason: words.join("; "),
    ledger: counts.flatMap(([word, count]) => (count === 0 ? [] : [`${count} ${word}`])).join(", "),
  };
}

// A date in an answer is one ahead of the moment at which it is given.
function dated(handle: Exclude<Fault["peer"], string>): typeof handle {
  return (socket, index, reset) => {
    const write = socket.write.bind(socket);
    socket.write = ((text: string | Uint8Array) =>
      write(
        typeof text === "string" ? text.replace("DATE", new Date(Date.now() + 90_000).toUTCString()) : text,
      )) as typeof socket.write;
    handle(socket, index, reset);
  };
}

// A date has whole seconds, of which some time has passed already.
const roundS = (ms: number): number => (ms < 60_000 ? ms / 1000 : Math.ceil(ms / 10_000) * 10);

const urlOf = (kind: Kind, port: number, secure: boolean): string =>
  kind === "syslog"
    ? `syslog${secure ? "+tls" : ""}://localhost:${port}`
    : `http${secure ? "s" : ""}://localhost:${port}/`;

const formatOf = (kind: Kind) => (kind === "otlp" ? { format: "otlp" } : {});

// Kinds of which the same is to be said share a row.
function table(all: readonly Row[]): string {
  const merged = new Map<string, { row: Row; kinds: Kind[] }>();
  for (const row of all) {
    const key = JSON.stringify({ ...row, kind: undefined });
    const found = merged.get(key);
    if (found === undefined) merged.set(key, { row, kinds: [row.kind] });
    else found.kinds.push(row.kind);
  }
  const lines = [...merged.values()].map(({ row, kinds }) =>
    [row.fault, kinds.join(", "), row.verdict, row.state, row.reason, row.ledger]
      .map((cell) => cell.replaceAll("|", "\\|"))
      .join(" | "),
  );
  const head = "Destination | Drain | First verdict | State | `last_error`; notices | Ledger of two lines";
  return `| ${head} |\n|---|---|---|---|---|---|\n${lines.map((line) => `| ${line} |\n`).join("")}`;
}

// Each runs when there is room; whoever waits for one waits for nothing else.
function inTurns<One, Result>(all: readonly One[], work: (one: One) => Promise<Result>): Promise<Result>[] {
  const waiting: (() => void)[] = [];
  let running = 0;
  return all.map(async (one) => {
    if (++running > atOnceMax) await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work(one);
    } finally {
      running--;
      waiting.shift()?.();
    }
  });
}
