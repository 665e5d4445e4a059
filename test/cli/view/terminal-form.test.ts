/** The form for eyes, on a real terminal of several widths, and through a pipe. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { cliEnvironment, runCli } from "../../support/cli.ts";
import { eventStream, FakeTailrace } from "../../support/fake-tailrace.ts";
import { runInTerminal } from "../../support/terminal.ts";
import { rowsOf } from "../../support/terminal-rows.ts";

let server: FakeTailrace;
beforeEach(async () => {
  server = await FakeTailrace.open(["blog", "shop-checkout"]);
});
afterEach(() => server.close());

type Sent = { source?: string; dyno?: string; severity?: string; at?: string };
let sent = 0;
const entry = (message: string, { source = "app", dyno = "web.1", severity = "info", at }: Sent = {}) => {
  const position = `1.${++sent}`;
  const time = at ?? new Date(Date.now() - 5_000).toISOString();
  return [position, JSON.stringify({ position, time, source, dyno, severity, message })] as const;
};
const stream = (...lines: (readonly [string, string])[]) => {
  server.streams = [eventStream(lines)];
};
/** The rows of `tailrace logs`, on a terminal of `columns` columns. */
async function rowsOn(columns: number, args: string, env: Record<string, string> = {}): Promise<string[]> {
  const line = `stty cols ${columns} rows 24; tailrace logs -a blog ${args}`;
  const { text } = await runInTerminal(line, { ...cliEnvironment(server), LANG: "C.UTF-8", ...env });
  return [...rowsOf(text, columns).rows];
}
const router = (text: string) => entry(text, { source: "heroku", dyno: "router" });
const request =
  'at=info method=GET path="/x" host=h request_id=6903 fwd="203.0.113.7" dyno=web.1 connect=0ms service=1418ms status=404 bytes=2324';

describe("the form for eyes", () => {
  test("has a short local time, aligned names that nobody can forge, and a bar", async () => {
    stream(
      entry("one"),
      entry("two", { dyno: "worker.12" }),
      entry("three", { source: "heroku" }),
      entry("four", { dyno: "*router" }),
      entry("five", { source: "postgres", dyno: "db" }),
    );
    const rows = await rowsOn(80, "");
    expect(rows.map((row) => row.replace(/^\d\d:\d\d:\d\d/, "TIME"))).toEqual([
      "TIME web.1       │ one",
      "TIME worker.12   │ two",
      "TIME *web.1      │ three",
      "TIME app/*router │ four",
      "TIME postgres/db │ five",
    ]);
  });

  test.each([40, 80, 200])("fits a terminal of %d columns, whatever the text", async (columns) => {
    const texts = [
      "word ".repeat(60),
      "日本語".repeat(40),
      "x".repeat(300),
      `e\u0301`.repeat(100),
      "👩‍👩‍👧 ".repeat(30),
      "\t".repeat(30),
    ];
    stream(...texts.map((text) => entry(text)));
    const line = `stty cols ${columns} rows 24; tailrace logs -a blog`;
    const { text } = await runInTerminal(line, { ...cliEnvironment(server), LANG: "C.UTF-8" });
    const { rows, starts } = rowsOf(text, columns);
    expect(starts.every(Boolean)).toBe(true);
    for (const row of rows) expect(row).toMatch(/^(?:\d\d:\d\d:\d\d(?:\.\d{3})? web\.1|\s+) │/);
    const shown = rows.map((row) => row.replace(/^[^│]*│ ?/, "")).join("");
    expect(shown.replace(/\s/g, "")).toBe(texts.join("").replace(/\s/g, ""));
  });

  test("blanks that wrap imitate no head", async () => {
    stream(entry(`x${" ".repeat(200)}10:00:00 *router │ 200  GET  /forged`));
    const rows = await rowsOn(80, "");
    expect(rows).toHaveLength(2);
    expect(rows[1]).toMatch(/^ {15}│ 10:00:00 \*router/);
    stream(entry(`x${" ".repeat(200)}10:00:00 *router │ 200  GET  /forged`));
    expect(await rowsOn(80, "--no-wrap")).toEqual([expect.stringMatching(/^.{8} web.1 │ x\s+…$/)]);
  });

  test("with two apps at 80 columns, heads leave room for the text", async () => {
    server.streams = [eventStream([entry("one")]), eventStream([router(request)])];
    const rows = await rowsOn(80, "-a shop-checkout");
    const texts = rows.map((row) => row.indexOf("│"));
    expect(new Set(texts).size).toBe(1);
    expect(texts[0]).toBeLessThanOrEqual(28);
    expect(rows.join("\n")).toMatch(/shop-…kout \*router │ 404/);
  });

  test("on a narrow terminal the text of several apps stands below its head", async () => {
    server.streams = [eventStream([entry("one")]), eventStream([])];
    expect(await rowsOn(40, "-a shop-checkout")).toEqual([
      expect.stringMatching(/^.{8} blog {4}web\.1$/),
      "│ one",
      "shop-checkout has no lines.",
    ]);
  });

  test("a day that is not today is said once", async () => {
    const old = { at: "2024-05-01T10:00:00Z" };
    stream(entry("a", old), entry("b", old), entry("c", { at: "2024-05-02T10:00:00Z" }));
    expect(await rowsOn(80, "--time utc")).toEqual([
      "-- Wed, 1 May 2024 --",
      "10:00:00Z web.1 │ a",
      "10:00:00Z web.1 │ b",
      "-- Thu, 2 May 2024 --",
      "10:00:00Z web.1 │ c",
    ]);
  });

  test("--time relative, --time none, --prefix and --no-prefix", async () => {
    const lines = () => stream(entry("x"));
    lines();
    expect(await rowsOn(80, "--time relative")).toEqual([
      expect.stringMatching(/^ {1,2}\d{1,2}s web\.1 │ x$/),
    ]);
    lines();
    expect(await rowsOn(80, "--time none --prefix")).toEqual(["blog web.1 │ x"]);
    lines();
    expect(await rowsOn(80, "--time none --no-prefix")).toEqual(["x"]);
  });
});

describe("what lines tell", () => {
  test("a request is told by status, slowness and code", async () => {
    const failed = `at=error code=H12 desc="Request timeout" method=GET path="/" host=h request_id=1 fwd="x" dyno=web.1 connect=1ms service=30000ms status=503 bytes=0`;
    stream(router(request), router(failed), entry(request));
    const line = "stty cols 200; tailrace logs -a blog --time none --no-prefix";
    const { text } = await runInTerminal(line, { ...cliEnvironment(server), LANG: "C.UTF-8" });
    const [first, second, third] = text.replaceAll("\u001b", "^").split("\n");
    expect(first).toBe("^[33m404^[39m  GET     /x  ^[33m1,418 ms^[39m  ^[2mweb.1  2.3 kB^[22m");
    expect(second).toBe(
      "^[31m^[1m503^[22m^[39m  GET     /  ^[31m30,000 ms^[39m  ^[31m^[1mH12^[22m^[39m  ^[2mweb.1  0 B  Request timeout^[22m",
    );
    expect(third).toContain("request_id"); // an app's own text is not the router's
  });

  test("what is looked for is never left out, and is marked", async () => {
    stream(router(request));
    const [row] = await rowsOn(300, "--match request_id=6903 --time none --no-prefix");
    expect(row).toBe(request);
    stream(entry("find me"));
    const line = "tailrace logs -a blog --highlight 'f.nd' --time none --no-prefix";
    const { text } = await runInTerminal(line, cliEnvironment(server));
    expect(text).toBe("\u001b[7mfind\u001b[27m me\n");
    stream();
    expect(
      (await runInTerminal("tailrace logs -a blog --highlight '('", cliEnvironment(server))).status,
    ).toBe(2);
  });

  const lines = () =>
    stream(
      entry(JSON.stringify({ level: "error", msg: "failed", status: 502, user: { id: 7 }, note: "a\nb" })),
      entry('level=warn msg="queue is long" depth=12 path=/x'),
      entry("Error R14 (Memory quota exceeded)", { source: "heroku" }),
    );

  test("JSON and logfmt are a message and its fields", async () => {
    lines();
    expect(await rowsOn(120, "--time none --no-prefix")).toEqual([
      'ERROR failed status=502 user={"id":7} note="a\\nb"',
      "WARN queue is long depth=12 path=/x",
      "Error R14 (Memory quota exceeded)",
    ]);
    lines();
    expect(await rowsOn(120, "--time none --no-prefix --fields status,user.id,path")).toEqual([
      "ERROR failed status=502 user.id=7",
      "WARN queue is long path=/x",
      "Error R14 (Memory quota exceeded)",
    ]);
    lines();
    expect(await rowsOn(120, "--time none --no-prefix --pretty")).toEqual([
      "ERROR failed",
      "  status: 502",
      "  user: {",
      '      "id": 7',
      "    }",
      "  note: a",
      "    b",
      "WARN queue is long",
      "  depth: 12",
      "  path: /x",
      "Error R14 (Memory quota exceeded)",
    ]);
  });

  test("a time in a field is left out where the line has it, and shown where it is another", async () => {
    const at = "2024-05-01T10:00:00Z";
    const sent = (time: string) => entry(JSON.stringify({ timestamp: time, msg: "done" }), { at });
    stream(sent("2024-05-01T10:00:01Z"), sent("2024-04-30T22:00:00Z"));
    expect(await rowsOn(120, "--time none --no-prefix")).toEqual([
      expect.stringMatching(/^done$/),
      "done timestamp=2024-04-30T22:00:00Z",
    ]);
  });

  const trace = (dyno: string) => [
    entry("TypeError: no", { dyno, severity: "err" }),
    entry("    at a (/a.js:1:2)", { dyno, severity: "err" }),
    entry("    at b (/b.js:1:2)", { dyno, severity: "err" }),
  ];

  test("a stack trace stays together, with one head", async () => {
    const [first, second, third] = trace("web.1");
    stream(first!, entry("other", { dyno: "web.2" }), second!, third!, entry("next"));
    expect(await rowsOn(80, "--time none")).toEqual([
      "web.1 ┃ TypeError: no",
      "      ┃     at a (/a.js:1:2)",
      "      ┃     at b (/b.js:1:2)",
      "web.2 │ other",
      "web.1 │ next",
    ]);
  });

  test("--fold leaves its head, and what Python says last", async () => {
    const python = [
      "Traceback (most recent call last):",
      '  File "a.py", line 1, in f',
      "    g()",
      "KeyError: 'x'",
    ];
    stream(
      ...trace("web.1"),
      ...python.map((text) => entry(text, { dyno: "web.2", severity: "err" })),
      entry("Error: one\n    at a (/a.js:1:2)\n    at b (/b.js:1:2)"),
    );
    expect(await rowsOn(80, "--time none --fold")).toEqual([
      "web.1 ┃ TypeError: no",
      "      ┃ [+2 lines of stack trace]",
      "web.2 ┃ Traceback (most recent call last):",
      "      ┃ [+2 lines of stack trace]",
      "      ┃ KeyError: 'x'",
      "web.1 ┃ Error: one",
      "      ┃ [+2 lines of stack trace]",
    ]);
  });
});

describe("a tail on a terminal", () => {
  test("marks where the connection was resumed, and goes on without gap or repeat", async () => {
    const [a, b, c] = [entry("one"), entry("two"), entry("three")];
    server.streams = [eventStream([a, b], "reset"), eventStream([c], "stay")];
    const rows = await rowsOn(80, "-f --time none --until-match three");
    expect(rows).toEqual([
      "web.1 │ one",
      "web.1 │ two",
      expect.stringMatching(/^tailrace: blog: .*; connecting again$/),
      expect.stringMatching(/^tailrace: blog: connected again after \d+ s; it goes on behind the last line$/),
      "web.1 │ three",
    ]);
    expect(server.resumed).toEqual([undefined, b[0]]);
  });

  test("shows the end of a trace that nothing follows", async () => {
    const lines = ["TypeError: x", "    at a (/a.js:1:2)"].map((text) => entry(text, { severity: "err" }));
    server.streams = [eventStream([...lines, entry("other", { dyno: "web.2" })], "stay")];
    expect(await rowsOn(80, "-f --time none --fold --until-match other")).toEqual([
      "web.1 ┃ TypeError: x",
      "      ┃ [+1 line of stack trace]",
      "web.2 │ other",
    ]);
  });
});

describe("other forms", () => {
  const piped = async (...args: string[]) => runCli(["logs", "-a", "blog", ...args], cliEnvironment(server));

  test("--template lays lines out, on a terminal and through a pipe", async () => {
    const line = () => stream(entry('{"level":"warn","status":502,"b":{"c":true}}', { severity: "err" }));
    line();
    const template =
      "{app}\\t{source}/{dyno} {severity} {level} {fields.status} {fields.b.c}{fields.d} {{x}}";
    const want = "blog\tapp/web.1 err warning 502 true {x}\n";
    expect((await piped("--template", template)).stdout).toBe(want);
    line();
    const { text } = await runInTerminal(
      `tailrace logs -a blog --template '${template}'`,
      cliEnvironment(server),
    );
    expect(text).toBe(want);
    expect(await piped("--template", "{nobody}")).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("It has {nobody}; there are {app} "),
    });
  });

  test("--template has a row for each row of a message, and one where the message is not shown", async () => {
    for (const [template, rows] of [
      ["{dyno}: {message}", "web.1: one\nweb.1: two\nweb.1: three\n"],
      ["{dyno} {fields.user} {{message}}", "web.1  {message}\n"],
    ] as const) {
      stream(entry("one\r\ntwo\nthree"));
      expect((await piped("--template", template)).stdout).toBe(rows);
    }
  });

  test("--long and --template mark what was looked for, in the text alone", async () => {
    const found = "\u001b[7mfind\u001b[27m";
    server.streams = [eventStream([["1.1", "T app[web.1]: find me"]])];
    const long = await runInTerminal(
      "tailrace logs -a blog --long --match '^find|T app'",
      cliEnvironment(server),
    );
    expect(long.text).toBe(`\u001b[36mT app[web.1]:\u001b[39m ${found} me\n`);
    stream(entry("find me"));
    const line = "tailrace logs -a blog --template '{message}' --highlight '^find'";
    expect((await runInTerminal(line, cliEnvironment(server))).text).toBe(`${found} me\n`);
  });

  test("an option for eyes means that form through a pipe too, without colours and as wide as it likes", async () => {
    stream(router(request), entry("x".repeat(300)));
    const { stdout } = await piped("--time", "none");
    expect(stdout).toBe(`*router | 404  GET     /x  1,418 ms  web.1  2.3 kB\nweb.1   | ${"x".repeat(300)}\n`);
  });

  test("--positions gives each line its position", async () => {
    server.streams = [eventStream([["7.1.a.b", "T app[web.1]: one"]])];
    expect((await piped("--positions")).stdout).toBe("7.1.a.b T app[web.1]: one\n");
    stream(entry("one"));
    expect(await rowsOn(80, "--time none --positions")).toEqual([
      "web.1 │ one",
      expect.stringMatching(/^ {6}│ 1\.\d+$/),
    ]);
  });

  test.each([
    [["--json", "--raw"], "--json and --raw exclude each other."],
    [["--long", "--template", "x"], "--template and --long exclude each other."],
    [["--json", "--highlight", "x"], "--highlight has no meaning with --json."],
    [["--json", "--fold"], "--fold has no meaning with --json."],
    [["--time", "soon"], "Write one of local, utc, relative, none."],
  ])("%j is wrong use", async (args, said) => {
    expect(await piped(...args)).toMatchObject({
      status: 2,
      stdout: "",
      stderr: expect.stringContaining(said),
    });
  });
});
