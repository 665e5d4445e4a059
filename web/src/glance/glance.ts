/**
 * An app at a glance, from its own lines: requests by status, how long they took, H-codes, memory of its dynos,
 * releases. Only counts in steps of time are kept, so memory stays flat however many lines are read.
 */
import type { Line } from "../log/line.ts";
import { logfmtOf, routerLineOf } from "../log/logfmt.ts";
import { ServiceTimes } from "./service-times.ts";

type StatusClass = "2xx" | "3xx" | "4xx" | "5xx";
export const statusClasses: readonly StatusClass[] = ["2xx", "3xx", "4xx", "5xx"];

export type Step = {
  readonly startMs: number;
  readonly byStatus: Record<StatusClass, number>;
  readonly times: ServiceTimes;
  errors: number;
};

export type DynoMemory = { readonly mb: Map<number, number>; quotaMb: number | undefined };
type Event = { readonly timeMs: number; readonly text: string; readonly position: string };

const dynosMax = 40;
const codesMax = 40;
const eventsMax = 50;
/** How far ahead the clock of a sender may be. */
const aheadMs = 60_000;

export class Glance {
  readonly stepMs: number;
  readonly steps = new Map<number, Step>();
  readonly codes = new Map<string, number>();
  readonly memory = new Map<string, DynoMemory>();
  readonly releases: Event[] = [];
  requests = 0;
  lines = 0;
  /** Lines that say another time than one of the span, as by a clock that is off: they are in no figure. */
  elsewhere = 0;
  readonly #nowMs: () => number;
  readonly #stepsMax: number;

  constructor(spanMs: number, nowMs: () => number = Date.now, stepsMax = 120) {
    this.#nowMs = nowMs;
    this.#stepsMax = stepsMax;
    this.stepMs = Math.max(1_000, Math.ceil(spanMs / stepsMax / 1_000) * 1_000);
  }

  add(line: Line): void {
    if (!Number.isFinite(line.timeMs)) return;
    if (!this.#isOfSpan(line.timeMs)) {
      this.elsewhere++;
      return;
    }
    this.lines++;
    const step = this.#stepOf(line.timeMs);
    if (line.level === "error") step.errors++;
    const router = routerLineOf(line.source, line.dyno, line.message);
    if (router !== undefined) {
      this.requests++;
      const of = `${Math.floor(router.status / 100)}xx` as StatusClass;
      step.byStatus[of in step.byStatus ? of : "2xx"]++;
      if (router.serviceMs !== undefined) step.times.add(router.serviceMs);
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

  /** Steps from the first to the last, including empty ones. */
  inOrder(): Step[] {
    const starts = [...this.steps.keys()].sort((a, b) => a - b);
    const steps: Step[] = [];
    for (let at = starts[0] ?? 0; at <= (starts.at(-1) ?? -1); at += this.stepMs)
      steps.push(this.steps.get(at) ?? emptyStep(at));
    return steps;
  }

  // A sender says what time it likes, and each step from the first to the last is drawn. Clocks may be a little ahead.
  #isOfSpan(timeMs: number): boolean {
    const ageMs = this.#nowMs() - timeMs;
    return ageMs <= (this.#stepsMax + 1) * this.stepMs && ageMs >= -Math.max(aheadMs, this.stepMs);
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
  times: new ServiceTimes(),
  errors: 0,
});

/** The times of all steps together. */
export function sumOf(steps: readonly Step[]): ServiceTimes {
  const sum = new ServiceTimes();
  for (const { times } of steps) sum.addAll(times);
  return sum;
}
