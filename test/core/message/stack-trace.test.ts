import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isInTrace, type TraceState, traceRows, traceStep } from "../../../src/core/message/stack-trace.ts";

/** Each line, with `+` in front where it belongs to the one before. */
function read(lines: readonly string[]): string[] {
  let state: TraceState = "none";
  return lines.map((line) => {
    const step = traceStep(state, line);
    state = step.state;
    return `${step.continues ? "+" : " "}${line}`;
  });
}

/** As these languages print them; the first line is the head, all others but the last are its own. */
const traces: Readonly<Record<string, string>> = {
  JavaScript: `TypeError: x is undefined
    at show (/app/a.js:1:2)
    at async next (node:internal:3:4) {
  code: 'E',
  cause: 1
}`,
  Java: `java.lang.IllegalStateException: no
\tat com.example.A.b(A.java:12)
Caused by: java.io.IOException: gone
\tat com.example.C.d(C.java:3)
\t... 12 more`,
  Python: `Traceback (most recent call last):
  File "/app/a.py", line 3, in run
    send()
KeyError: 'x'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/app/a.py", line 9, in run
    give_up()
app.errors.Failed: gave up`,
  Ruby: `app/models/list.rb:31:in \`show': no list (RuntimeError)
\tfrom app/models/list.rb:9:in \`find'
\tfrom bin/run:3:in \`<main>'`,
  Rails: `PG::ConnectionBad (Error): timeout expired
app/models/list.rb:31:in \`show'
app/controllers/lists.rb:9:in 'ListsController#index'`,
  Go: `panic: runtime error: index out of range [3]

goroutine 1 [running]:
main.main()
\t/app/main.go:8 +0x1d
created by main.start
exit status 2`,
  PHP: `PHP Fatal error:  Uncaught Exception: no in /app/a.php:3
#0 /app/a.php(9): f()
#1 {main}`,
  ".NET": `System.InvalidOperationException: no
   at App.Main() in /app/A.cs:line 3
--- End of stack trace from previous location ---
   at App.Run()`,
};

describe("a stack trace", () => {
  test.each(Object.keys(traces))("of %s is one", (language) => {
    const lines = traces[language]!.split("\n");
    const [head, ...others] = read([...lines, "GET / 200"]);
    expect(head![0]).toBe(" ");
    expect(others.map((line) => line[0]).join("")).toBe(`${"+".repeat(lines.length - 1)} `);
    expect(traceRows(lines)).toBe(lines.length - 1);
  });

  test("is not made of lines that are just indented", () => {
    expect(read(["listening", "  on port 1", "done"])).toEqual([" listening", "   on port 1", " done"]);
    expect(traceRows(["a", "  b"])).toBe(0);
  });

  test("ends with the next line of another kind, and steps take any text", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary", maxLength: 20 }), { maxLength: 9 }), (lines) => {
        expect(read(lines)).toHaveLength(lines.length);
        const last = traceStep("frames", "plain text");
        expect(last).toEqual({ state: "none", continues: false });
        expect(isInTrace(last.state)).toBe(false);
      }),
    );
  });
});
