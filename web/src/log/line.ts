/** A line as the page keeps it, and what can be told of it at once. */
import { type Grade, gradeOf, type Level, levelOf } from "../../../src/core/message/level.ts";
import { type TraceState, traceStep } from "../../../src/core/message/stack-trace.ts";

export type Line = {
  /** Its position, and for what is told to this reader alone something that makes it one of its kind. */
  readonly key: string;
  readonly position: string;
  /** The app's running number of the line; undefined for what is told to this reader alone. */
  readonly number: number | undefined;
  readonly timeMs: number;
  readonly source: string;
  readonly dyno: string;
  readonly level: Grade;
  readonly message: string;
  /** A line of tailrace itself: an L-code. */
  readonly isNotice: boolean;
  /** It goes on with the stack trace that a line before it began. */
  readonly isTrace: boolean;
  /** The trace that it may be the head of. */
  readonly opens: TraceState;
};

/** The JSON of a line in the API. */
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
/** What is looked at of a message to tell whether it goes on with a trace. */
const headChars = 400;

let told = 0;

/** Reads a line of the API; `before`: the newest one of the same process, of which it may be a part. */
export function lineOf(wire: WireLine): Line {
  const isNotice = isNoticeOf(wire);
  return {
    key: wire.line === undefined ? `${wire.position}#${told++}` : wire.position,
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

/** The class of a row's edge, by how bad its line is. */
export const edgeOf = (level: Grade, isNotice: boolean): "err" | "note" | "" =>
  level === "error" ? "err" : level === "warn" || isNotice ? "note" : "";

/** What a line costs in memory, about. */
export const bytesOf = (line: Line): number => 250 + 2 * line.message.length;
