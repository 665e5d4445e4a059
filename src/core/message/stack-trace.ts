/**
 * Finds the lines of a process that are one stack trace, as printed by Java, JavaScript, Python, Ruby, Go, PHP, .NET,
 * Rust and Elixir. Pure: a state per process, and a step for each of its lines. Linear in the text.
 */

/** The kind of trace that the last line was part of. */
export type TraceState = "none" | "head" | "frames" | "python" | "python-end" | "go";

type TraceStep = {
  readonly state: TraceState;
  /** True if the line belongs to the one before it. */
  readonly continues: boolean;
};

const frameForms = [
  /^\s+at\s\S/, // Java, JavaScript, .NET
  /^\s+File "[^"]*", line \d/, // Python
  /^\s*from \S+:\d+:in /, // Ruby
  /^\s*\S+\.rb:\d+:in /,
  /^\s+\S+\.go:\d+/,
  /^#\d{1,4}\s+\S/, // PHP
  /^\s+\d{1,4}: +\S/, // Rust
  /^\s+\([\w.-]+ [\w.-]+\) \S+:\d+/, // Elixir
  /^\s*\.\.\. \d+ (?:more|common frames)/,
  /^\s*(?:Caused by|Suppressed): \S/,
  /^\s*--- End of /,
];
const pythonOpening = /^\s*Traceback \(most recent call last\):/;
const goOpening = /^(?:panic: |fatal error: |goroutine \d+ \[)/;
const otherOpening = /^(?:stack backtrace:|Exception in thread )/;
/** A line that a trace may follow. */
const headForm = /(?:Error|Exception|Throwable|Fault)\b|\b(?:panicked|Uncaught|Unhandled)\b/;
const pythonLink = /^(?:During handling of the above exception|The above exception was the direct cause)/;
const goLine = /^(?:goroutine \d|created by |exit status \d|\[signal )/;
/** Ruby writes place and error in one line. */
const rubyHead = /^\S+:\d+:in .*\([A-Z][\w:]*\)$/;
const goCall = /^\S+\(/;
const pythonLast = /^[A-Za-z_][\w.]*(?:$|:)/;

/** How many characters at the start of a line decide what it is. */
const charsMax = 2048;

/** Reads the next line of a process. */
export function traceStep(state: TraceState, line: string): TraceStep {
  const text = line.length > charsMax ? line.slice(0, charsMax) : line;
  return continued(state, text) ?? { state: opened(text), continues: false };
}

/** True if more of the same trace may follow. */
export const isInTrace = (state: TraceState): boolean => state !== "none";

function opened(text: string): TraceState {
  if (pythonOpening.test(text)) return "python";
  if (goOpening.test(text)) return "go";
  return otherOpening.test(text) || headForm.test(text) || rubyHead.test(text) ? "head" : "none";
}

function continued(state: TraceState, text: string): TraceStep | undefined {
  const isBlank = text.trim() === "";
  const isIndented = /^\s/.test(text);
  const goOn = (to: TraceState): TraceStep => ({ state: to, continues: true });
  switch (state) {
    case "none":
      return isFrame(text) && !rubyHead.test(text) ? goOn("frames") : undefined;
    case "head":
      if (pythonOpening.test(text)) return goOn("python");
      return isFrame(text) || otherOpening.test(text) ? goOn("frames") : undefined;
    case "frames":
      return isFrame(text) || (isIndented && !isBlank) || /^[})\]]/.test(text) ? goOn("frames") : undefined;
    case "python":
      if (isIndented || isBlank) return goOn("python");
      return pythonLast.test(text) ? goOn("python-end") : undefined;
    case "python-end":
      return isBlank || pythonLink.test(text)
        ? goOn("python-end")
        : pythonOpening.test(text)
          ? goOn("python")
          : undefined;
    case "go":
      return isBlank || isIndented || isGoLine(text) ? goOn("go") : undefined;
  }
}

const isGoLine = (text: string): boolean => goLine.test(text) || (goCall.test(text) && text.endsWith(")"));

const isFrame = (text: string): boolean => frameForms.some((form) => form.test(text));

/** The number of rows of a message that are its trace, not counting the first row; 0 if it has none. */
export function traceRows(rows: readonly string[]): number {
  return rows.slice(1).some(isFrame) ? rows.length - 1 : 0;
}

/** The last row of a message, if only that says what went wrong: Python writes it below the frames. */
export function traceEnd(rows: readonly string[]): string | undefined {
  const last = rows.at(-1);
  const isPython = rows.some((row) => pythonOpening.test(row));
  return isPython && last !== undefined && pythonLast.test(last) ? last : undefined;
}
