/**
 * An app at a glance, from its own lines: requests by status, how long they took, H-codes, memory of its dynos, releases. What is
 * kept are counts in steps of time: flat memory, however many lines are read.
 */
import type { Line } from "../log/line.ts";
import { logfmtOf, routerLineOf } from "../log/logfmt.ts";

export type StatusClass = "2xx" | "3xx" | "4xx" | "5xx";
export const statusClasses: readonly StatusClass[] = ["2xx", "3xx", "4xx", "5xx"];

export type Step = {
  readonly startMs: number;
  readonly byStatus: Record<StatusClass, number>;
  /** Counts of service times, by the edge that they do not exceed. */
  readonly times: Uint32Array;
  errors: number;
};

export type DynoMemory = { readonly mb: Map<number, number>; quotaMb: number | undefined };
export type Event = { readonly timeMs: number; readonly text: string; readonly position: string };

/** Edges of service times, in ms: each 15 % above the one before, so that a percentile is off by less than that. */
export const edgesMs: readonly number[] = Array.from({ length: 84 }, (_, n) => 1.15 ** n);

const dynosMax = 40;
const codesMax = 40;
const eventsMax = 50;

export class Glance {
  readonly stepMs: number;
  readonly steps = new Map<number, Step>();
  readonly codes = new Map<string, number>();
  readonly memory = new Map<string, DynoMemory>();
  readonly releases: Event[] = [];
  requests = 0;
  lines = 0;
  readonly #stepsMax: number;

  constructor(spanMs: number, stepsMax = 120) {
    this.#stepsMax = stepsMax;
    this.stepMs = Math.max(1_000, Math.ceil(spanMs / stepsMax / 1_000) * 1_000);
  }

  add(line: Line): void {
    if (!Number.isFinite(line.timeMs)) return;
    this.lines++;
    const step = this.#stepOf(line.timeMs);
    if (line.level === "error") step.errors++;
    const router = routerLineOf(line.source, line.dyno, line.message);
    if (router !== undefined) {
      this.requests++;
      const of = `${Math.floor(router.status / 100)}xx` as StatusClass;
      step.byStatus[of in step.byStatus ? of : "2xx"]++;
      if (router.serviceMs !== undefined) step.times[edgeOf(router.serviceMs)]!++;
      if (router.code !== undefined) this.#countCode(router.code);
      return;
    }
    if (line.source === "heroku" || line.isNotice)
      this.#countCode(/\bError ([RL]\d\d)\b/.exec(line.message)?.[1]);
    if (line.message.includes("sample#memory_total")) this.#addMemory(line);
    if (/^Release v\d+ created|^Deployed? |^Deploy \w+ by/.test(line.message)) {
      this.releases.push({
        timeMs: line.timeMs,
        text: line.message.slice(0, 120),
        position: line.position,
      });
      if (this.releases.length > eventsMax) this.releases.shift();
    }
  }

  /** Steps from the first to the last, none left out. */
  inOrder(): Step[] {
    const starts = [...this.steps.keys()].sort((a, b) => a - b);
    const steps: Step[] = [];
    for (let at = starts[0] ?? 0; at <= (starts.at(-1) ?? -1); at += this.stepMs)
      steps.push(this.steps.get(at) ?? emptyStep(at));
    return steps;
  }

  #stepOf(timeMs: number): Step {
    const startMs = Math.floor(timeMs / this.stepMs) * this.stepMs;
    const found = this.steps.get(startMs);
    if (found !== undefined) return found;
    const step = emptyStep(startMs);
    this.steps.set(startMs, step);
    while (this.steps.size > this.#stepsMax) this.steps.delete(Math.min(...this.steps.keys()));
    return step;
  }

  #countCode(code: string | undefined): void {
    if (code === undefined || (!this.codes.has(code) && this.codes.size >= codesMax)) return;
    this.codes.set(code, (this.codes.get(code) ?? 0) + 1);
  }

  #addMemory({ dyno, message, timeMs }: Line): void {
    const fields = logfmtOf(message);
    const name = fields.get("source") ?? dyno;
    const mb = Number.parseFloat(fields.get("sample#memory_total") ?? "");
    if (!Number.isFinite(mb) || (!this.memory.has(name) && this.memory.size >= dynosMax)) return;
    const known = this.memory.get(name) ?? { mb: new Map<number, number>(), quotaMb: undefined };
    const quota = Number.parseFloat(fields.get("sample#memory_quota") ?? "");
    if (Number.isFinite(quota)) known.quotaMb = quota;
    known.mb.set(Math.floor(timeMs / this.stepMs) * this.stepMs, mb);
    while (known.mb.size > this.#stepsMax) known.mb.delete(known.mb.keys().next().value!);
    this.memory.set(name, known);
  }
}

const emptyStep = (startMs: number): Step => ({
  startMs,
  byStatus: { "2xx": 0, "3xx": 0, "4xx": 0, "5xx": 0 },
  times: new Uint32Array(edgesMs.length),
  errors: 0,
});

const edgeOf = (ms: number): number =>
  Math.min(edgesMs.length - 1, ms <= 1 ? 0 : Math.ceil(Math.log(ms) / Math.log(1.15) - 1e-9));

/** The time that this share of requests does not exceed; null without requests. */
export function percentileOf(times: Uint32Array, share: number): number | null {
  const count = times.reduce((sum, n) => sum + n, 0);
  if (count === 0) return null;
  let left = Math.ceil(count * share);
  for (const [n, of] of times.entries()) {
    left -= of;
    if (left <= 0) return edgesMs[n]!;
  }
  return edgesMs.at(-1)!;
}

/** All steps' times in one. */
export function sumOf(steps: readonly Step[]): Uint32Array {
  const sum = new Uint32Array(edgesMs.length);
  for (const { times } of steps) for (let n = 0; n < sum.length; n++) sum[n]! += times[n]!;
  return sum;
}
