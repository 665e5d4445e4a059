/** Sends one test line at once, outside the app's log and every ledger. The number of simultaneous tests is bounded. */
import { noticeLine } from "../core/batch/notice.ts";
import { positionAt } from "../core/position.ts";
import { drainTestsBusy } from "../errors/drains.ts";
import type { Clock, Sink, Verdict } from "../ports.ts";
import type { DrainRecord } from "../registry/records.ts";
import { redactedLine } from "./redaction.ts";
import { type Step, Trace } from "./trace.ts";
import { parcelId } from "./worker/parcel.ts";

/** The destination's answer, and the steps up to it with their times; the last step is where it failed. */
export type DrainTestResult = { readonly verdict: Verdict; readonly steps: readonly Step[] };

/** Each test holds a connection of its own. A drain has one test at a time. */
type DrainTestLimits = {
  /** Tests under way for the drains of one app. */
  readonly perAppMax: number;
  /** Tests under way for all drains. */
  readonly inAllMax: number;
};

type DrainTestParts = {
  readonly sinkFor: (drain: DrainRecord, hooks: { readonly trace: Trace }) => Sink;
  readonly clock: Clock;
  readonly limits: DrainTestLimits;
};

/** local7.info, like an app's own lines. */
const testPri = 190;

export class DrainTests {
  readonly #parts: DrainTestParts;
  readonly #drains = new Set<string>();
  readonly #apps = new Map<string, number>();

  constructor(parts: DrainTestParts) {
    this.#parts = parts;
  }

  /**
   * Sends the line over a connection of its own and returns what the destination answered. Throws the AppError of a bad
   * URL, and one of status 429 when too many tests are under way.
   */
  async run(
    drain: DrainRecord,
    signal: AbortSignal = new AbortController().signal,
  ): Promise<DrainTestResult> {
    const { id, channel } = drain;
    const ofApp = this.#apps.get(channel) ?? 0;
    const { perAppMax, inAllMax } = this.#parts.limits;
    if (this.#drains.has(id)) throw drainTestsBusy("drain", 1);
    if (ofApp >= perAppMax) throw drainTestsBusy("app", perAppMax);
    if (this.#drains.size >= inAllMax) throw drainTestsBusy("server", inAllMax);
    this.#drains.add(id);
    this.#apps.set(channel, ofApp + 1);
    try {
      return await testDrain(drain, this.#parts, signal);
    } finally {
      this.#drains.delete(id);
      const left = this.#apps.get(channel)! - 1;
      if (left > 0) this.#apps.set(channel, left);
      else this.#apps.delete(channel);
    }
  }
}

async function testDrain(
  drain: DrainRecord,
  { sinkFor, clock }: DrainTestParts,
  signal: AbortSignal,
): Promise<DrainTestResult> {
  const nowMs = clock.nowMs();
  const line = noticeLine(testPri, nowMs, `This is a test line of drain '${drain.token}'.`);
  const trace = new Trace();
  const sink = sinkFor(drain, { trace });
  try {
    const at = positionAt(nowMs, 0);
    const parcel = {
      parcelId: parcelId(`${drain.token} test`, at, at),
      slices: [redactedLine(drain, line)],
      count: 1,
    };
    const verdict = weighed(await sink.deliver(parcel, signal));
    return { verdict, steps: trace.end(verdict.kind === "delivered" ? undefined : verdict.reason) };
  } finally {
    await sink.close();
  }
}

// A success that accepts none of the lines is not one.
const weighed = (verdict: Verdict): Verdict =>
  verdict.kind === "delivered" && (verdict.rejected ?? 0) > 0
    ? { kind: "refused", reason: verdict.reason ?? "it rejected the line: check the drain's format" }
    : verdict;
