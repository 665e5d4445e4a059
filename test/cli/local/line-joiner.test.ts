import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { joinMsMax, lineBytesMax } from "../../../cli/local/limits.ts";
import { LineJoiner } from "../../../cli/local/line-joiner.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function rig() {
  const messages: string[] = [];
  const joiner = new LineJoiner((bytes, start, end, whole) => {
    messages.push(`${Buffer.from(bytes.subarray(start, end)).toString()}${whole ? "" : "…"}`);
  });
  const push = (text: string, whole = true) =>
    joiner.push(Buffer.from(`<${text}`), 1, 1 + Buffer.byteLength(text), whole);
  return { messages, joiner, push };
}

test.each([
  ["indented lines", ["one", "  two", "\tthree"]],
  ["Node", ["TypeError: x", "    at f (a.js:1:1)", "    at g (b.js:2:2)"]],
  [
    "Java",
    [
      "java.lang.Error: x",
      "\tat a.B.c(B.java:1)",
      "Caused by: java.io.IOException",
      "\tat d",
      "\t... 3 more",
    ],
  ],
  ["Python", ["Traceback (most recent call last):", '  File "a.py", line 1', "    f()", "ValueError: x"]],
  [
    "Python, twice",
    [
      "Traceback (most recent call last):",
      '  File "a.py"',
      "KeyError: 1",
      "During handling of the above exception, another exception occurred:",
      "Traceback (most recent call last):",
      '  File "b.py"',
      "ValueError: x",
    ],
  ],
  ["an object", ["{", '  "a": 1', "}"]],
])("%s are one message", (_, lines) => {
  const { messages, push, joiner } = rig();
  push("before");
  for (const line of lines) push(line);
  push("after");
  joiner.flush();
  expect(messages).toEqual(["before", lines.join("\n"), "after"]);
});

test("a message waits a moment for more of its lines, and no longer", () => {
  const { messages, push } = rig();
  push("one");
  vi.advanceTimersByTime(joinMsMax - 1);
  push("  two");
  vi.advanceTimersByTime(joinMsMax - 1);
  expect(messages).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(messages).toEqual(["one\n  two"]);
});

test("a message has the bound of a line, and pieces of a longer line go on alone", () => {
  const { messages, push, joiner } = rig();
  push("x".repeat(lineBytesMax - 1));
  push("  y");
  joiner.flush();
  push("piece", false);
  push("its end");
  push("  more");
  joiner.flush();
  expect(messages.map((message) => message.slice(-8))).toEqual(["xxxxxxxx", "  y", "piece…", "d\n  more"]);
});
