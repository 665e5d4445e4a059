/** A line as the page holds it, with everything that can be derived at once. */
import { type Grade, gradeOf, type Level, levelOf } from "../../../src/core/message/level.ts";
import { type TraceState, traceStep } from "../../../src/core/message/stack-trace.ts";

export type Line = {
  /** Its position; for lines that only this reader gets, something else that is unique. */
  readonly key: string;
  readonly position: string;
  /** The app's running number of the line; undefined for lines that only this reader gets. */
  readonly number: number | undefined;
  readonly timeMs: number;
  readonly source: string;
  readonly dyno: string;
  readonly level: Grade;
  readonly message: string;
  /** True for a line of tailrace itself: an L-code. */
  readonly isNotice: boolean;
  /** True if it continues the stack trace of an earlier line. */
  readonly isTrace: boolean;
  /** The kind of trace that it may begin. */
  readonly opens: TraceState;
};

/** A line in the API's JSON. */
export type WireLine = {
  readonly position: string;
  readonly time: string;
  readonly source: string;
  readonly dyno: string;
  readonly severity: Level;
  readonly message: string;
  readonly line?: number;
};

const trace =
  /^(?:\s+(?:at |from |File "|\.\.\. \d+ more|\|)|\s*Caused by: |\tfrom |\s{4,}\S|\s*goroutine \d+)/;
/** How much of a message is inspected to decide whether it continues a trace. */
const headChars = 400;

let unnumbered = 0;

/** Reads a line of the API; `before`: the newest line of the same process, whose trace it may continue. */
export function lineOf(wire: WireLine): Line {
  const isNotice = isNoticeOf(wire);
  return {
    key: wire.line === undefined ? `${wire.position}#${unnumbered++}` : wire.position,
    position: wire.position,
    number: wire.line,
    timeMs: Date.parse(wire.time),
    source: wire.source,
    dyno: wire.dyno,
    level: gradeOf(levelOf(wire.message, wire.severity)),
    message: wire.message,
    isNotice,
    isTrace: trace.test(wire.message.slice(0, headChars)),
    opens: traceStep("none", wire.message).state,
  };
}

/** True for a line of tailrace itself. */
export const isNoticeOf = ({ source, dyno }: Pick<WireLine, "source" | "dyno">): boolean =>
  source === "heroku" && dyno === "logplex";

/** The class of a row's edge, by the grade of its line. */
export const edgeOf = (level: Grade, isNotice: boolean): "err" | "note" | "" =>
  level === "error" ? "err" : level === "warn" || isNotice ? "note" : "";

/** The approximate memory of a line. */
export const bytesOf = ({ position, source, dyno, message }: Line): number =>
  250 + 2 * (position.length + source.length + dyno.length + message.length);
