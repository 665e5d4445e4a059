import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { cliEnvironment, finished, mainFile, printed, runCli, startCli } from "../../support/cli.ts";
import { eventStream, FakeTailrace, json, type StreamedEvent } from "../../support/fake-tailrace.ts";

let server: FakeTailrace;
beforeEach(async () => {
  server = await FakeTailrace.open(["shop-web", "shop-api", "blog"]);
});
afterEach(() => server.close());

const tailrace = (args: string, more: Record<string, string> = {}) =>
  runCli(args.split(" "), cliEnvironment(server, more));

describe("tailrace logs", () => {
  test("prints the lines, and asks for what the flags say", async () => {
    server.streams = [eventStream([["1.1", "2026-01-01T00:00:00.000000+00:00 app[web.1]: hello"]])];
    const { status, stdout } = await tailrace(
      "logs -a blog -n 7 --source app --dyno web --match h --exclude z",
    );
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: "2026-01-01T00:00:00.000000+00:00 app[web.1]: hello\n",
    });
    expect(server.sessions).toEqual([
      {
        app: "blog",
        lines: 7,
        tail: false,
        source: "app",
        dyno: "web",
        match: "h",
        exclude: "z",
        format: "text",
        progress: true,
      },
    ]);
  });

  test("--json has the level that a line names itself, else its severity, and the rest as it came", async () => {
    const sent = [
      `{"message":"ERROR no \\u0041","severity":"info","line":12345678901234567890}`,
      `{"message":"plain","severity":"notice"}`,
    ];
    server.streams = [
      eventStream([
        ["1.1", sent[0]!],
        ["1.2", sent[1]!],
      ]),
    ];
    const { stdout } = await tailrace("logs -a blog --json --level notice");
    expect(stdout).toBe(
      `${sent[0]!.slice(0, -1)},"level":"err"}\n${sent[1]!.slice(0, -1)},"level":"notice"}\n`,
    );
  });

  test("several sources, processes and patterns add up; --follow is --tail", async () => {
    server.streams = [eventStream([], "stay")];
    const child = startCli(
      "logs -a blog -f --dyno web --dyno worker.1 -s app -s heroku --match a|b --match c --exclude d --exclude e".split(
        " ",
      ),
      cliEnvironment(server),
    );
    await server.until(() => server.resumed.length === 1);
    child.kill();
    expect(server.sessions[0]).toMatchObject({
      tail: true,
      source: ["app", "heroku"],
      dyno: ["web", "worker.1"],
      match: "(?:a|b)|(?:c)",
      exclude: "(?:d)|(?:e)",
    });
  });

  test("processes to leave out, a level and a place to go on from", async () => {
    server.streams = [eventStream([["7.2.a.b", "x"]])];
    const { stdout } = await tailrace(
      "logs -a blog --exclude-dyno run --exclude-dyno cron.* --level warn --from 7.1.abcd.e",
    );
    expect(stdout).toBe("x\n");
    expect(server.sessions[0]).toMatchObject({ exclude_dyno: ["run", "cron.*"], level: "warning" });
    expect(server.resumed).toEqual(["7.1.abcd.e"]);
    for (const [args, said] of [
      ["--level loud", "Write one of emerg, alert,"],
      ["--from yesterday", "Write a position as --positions prints it."],
      ["--from 7.1.abcd.e -n 5", "--from and --num exclude each other."],
      ["--from 7.1.abcd.e -a shop-api", "--from is a place in the log of one app."],
    ])
      expect(await tailrace(`logs -a blog ${args}`)).toMatchObject({
        status: 2,
        stdout: "",
        stderr: expect.stringContaining(said!),
      });
  });

  const entry = (id: string, message: string) =>
    [
      id,
      JSON.stringify({ position: id, time: "T", source: "app", dyno: "web.1", severity: "info", message }),
    ] as const;

  test("neighbours come from the server for a search, and from the whole stream for what follows", async () => {
    server.streams = [
      eventStream([
        entry("1.1", "a"),
        entry("1.2", "hit"),
        ["", "--", "gap"],
        entry("1.9", "b"),
        entry("2.0", "hit\ntwo"),
      ]),
      eventStream(
        [entry("2.1", "c"), entry("2.2", "d"), entry("2.3", "e"), entry("2.4", "f"), entry("2.5", "hit")],
        "stay",
      ),
    ];
    const child = startCli("logs -a blog -n 2 -f --match hit -C 1".split(" "), cliEnvironment(server));
    const done = finished(child);
    await printed(child, ": f\nT app[web.1]: hit\n");
    child.kill();
    const head = (text: string) => (text === "--" ? text : `T app[web.1]: ${text}`);
    const texts = ["a", "hit", "--", "b", "hit", "two", "c", "--", "f", "hit", ""];
    expect((await done).stdout.split("\n")).toEqual(texts.map((text) => (text === "" ? "" : head(text))));
    expect(server.sessions).toEqual([
      {
        app: "blog",
        lines: 2,
        tail: false,
        match: "hit",
        context_before: 1,
        context_after: 1,
        format: "json",
        progress: true,
      },
      { app: "blog", lines: 0, tail: true, format: "json", progress: true },
    ]);
    expect(server.resumed).toEqual([undefined, "2.0"]);
  });

  test("--until-match ends behind the line that it waits for", async () => {
    server.streams = [eventStream([entry("1.1", "a"), entry("1.2", "ready now"), entry("1.3", "b")], "stay")];
    expect(await tailrace("logs -a blog -f --until-match ^ready")).toEqual({
      status: 0,
      stdout: "T app[web.1]: a\nT app[web.1]: ready now\n",
      stderr: "",
    });
    server.streams = [eventStream([entry("1.1", "a")])];
    expect(await tailrace("logs -a blog --until-match ^ready")).toEqual({
      status: 1,
      stdout: "T app[web.1]: a\n",
      stderr: "tailrace: No line matches --until-match.\nWith --tail it waits for one.\n",
    });
  });

  test("an app that comes to be joins the tail of its pattern", async () => {
    server.streams = [eventStream([]), eventStream([]), eventStream([], "stay"), eventStream([], "stay")];
    const child = startCli("logs -f -a shop-*".split(" "), cliEnvironment(server));
    const done = finished(child);
    await server.until(() => server.resumed.length === 4);
    server.streams = [eventStream([["1.1", "T app[web.1]: hello"]], "stay")];
    server.apps.set("shop-new", []);
    await printed(child, "shop-new T app[web.1]: hello\n");
    child.kill();
    expect((await done).stderr).toContain("tailrace: shop-new: is new, and shown from its first line\n");
    expect(server.sessions.at(-1)).toMatchObject({
      app: "shop-new",
      since: "1970-01-01T00:00:00Z",
      tail: true,
    });
    expect(server.sessions.at(-1)).not.toHaveProperty("lines");
  });

  test("a tail of a pattern waits for its first app; without --tail there is none", async () => {
    const child = startCli("logs -n 0 -f -a web-*".split(" "), cliEnvironment(server));
    const done = finished(child);
    await once(child.stderr, "data");
    server.streams = [eventStream([["1.1", "T app[web.1]: hello"]], "stay")];
    server.apps.set("web-new", []);
    await printed(child, "web-new T app[web.1]: hello\n");
    child.kill();
    expect((await done).stderr).toBe(
      "tailrace: No app matches web-* yet: new ones join in.\ntailrace: web-new: is new, and shown from its first line\n",
    );
    expect(await tailrace("logs -n 0 -a web-*x")).toMatchObject({ status: 1, stdout: "" });
  });

  test.each([
    ["app is destroyed", (): unknown => server.apps.delete("blog"), "tailrace: Couldn't find that app."],
    [
      "key is revoked",
      (): unknown => server.routes.set("GET /apps/blog", json(401, {})),
      "tailrace: The server does not accept this API key",
    ],
  ] as const)("a tail whose %s says so, and not that it connects again", async (_, end, said) => {
    server.streams = [
      (request, response): void => {
        end();
        eventStream([["1.1", "T app[web.1]: last"]])(request, response, "");
      },
    ];
    const { status, stdout, stderr } = await tailrace("logs -f -a blog");
    expect({ status, stdout }).toEqual({ status: 1, stdout: "T app[web.1]: last\n" });
    expect(stderr.startsWith(said)).toBe(true);
    expect(stderr).not.toContain("connecting again");
  });

  test("an end by time is the server's", async () => {
    server.streams = [eventStream([])];
    await tailrace("logs -a blog --since 2h --until 1h");
    expect(server.sessions[0]).toMatchObject({ since: "2h", until: "1h", tail: false });
  });

  test.each([
    ["-f --until 1h", "--until and --tail exclude each other."],
    ["-C 3", "-A, -B and -C show the neighbours of what is found, and nothing is looked for."],
    ["-C 3 --match x --raw", "--raw has no meaning with -A, -B, -C and --until-match."],
    ["-C 101 --match x", "Write a whole number from 0 to 100."],
    ["--until-match (", '--until-match "(" is no RE2 pattern'],
  ])("%s is wrong use", async (args, said) => {
    expect(await tailrace(`logs -a blog ${args}`)).toMatchObject({
      status: 2,
      stdout: "",
      stderr: expect.stringContaining(said),
    });
  });

  test("a time is sent as the server takes it, with as many lines as were asked for", async () => {
    server.streams = Array.from({ length: 3 }, () => eventStream([]));
    await tailrace("logs -a blog --since 1h -n 5");
    await runCli(["logs", "-a", "blog", "--since", "2026-11-28 14:30"], cliEnvironment(server));
    const { status, stderr } = await tailrace("logs -a blog --since soon");
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: expect.stringContaining("2026-11-28, '28 Nov 14:30', or an RFC 3339 time."),
    });
    expect(server.sessions.map(({ lines, since }) => ({ lines, since }))).toEqual([
      { lines: 5, since: "1h" },
      { lines: undefined, since: new Date(2026, 10, 28, 14, 30).toISOString().replace(".000", "") },
    ]);
  });

  test("says that the server does not show as many lines as were asked for", async () => {
    server.linesMax = 1500;
    server.streams = [eventStream([["1.1", "x"]]), eventStream([["1.1", "x"]])];
    const { stdout, stderr } = await tailrace("logs -a blog -n 5000");
    expect({ stdout, stderr }).toEqual({
      stdout: "x\n",
      stderr:
        "blog: 5,000 lines were asked for, and this server shows 1,500 at most. With --since it shows all since then.\n",
    });
    expect((await tailrace("logs -a blog -n 1500")).stderr).toBe("");
  });

  test("a log that was replaced is told once, and is no line", async () => {
    server.streams = [
      eventStream([["7.1.a.b", "old"]], "end"),
      eventStream(
        [
          ["0.0", "This app's log is not …", "log-replaced"],
          ["1.1.c.d", "new"],
        ],
        "reset",
      ),
      eventStream([["1.2.c.d", "newer"]], "stay"),
    ];
    const child = startCli(["logs", "-t", "-a", "blog"], cliEnvironment(server));
    const done = finished(child);
    await printed(child, "newer\n");
    child.kill();
    const { stdout, stderr } = await done;
    expect(stdout).toBe("old\nnew\nnewer\n");
    expect(server.resumed).toEqual([undefined, "7.1.a.b", "1.1.c.d"]);
    expect(stderr.match(/blog: this log is not the one that was read before/g)).toHaveLength(1);
  });

  const searched = (lines: number, end: string, matches = 0): StreamedEvent => [
    "",
    JSON.stringify({ lines, since: new Date(2026, 10, 21, 10).toISOString(), matches, end }),
    "searched",
  ];
  const back = "since 21 Nov 2026 10:00";
  const advice = "Add --since, or write a simpler pattern.";
  test.each<[args: string, events: StreamedEvent[], said: string]>([
    ["-n 5", [], "blog has no lines."],
    ["--source app", [], "No line of blog matches."],
    ["-n 0", [], ""],
    ["-n 0 --match x", [searched(0, "found")], ""],
    ["-n 5", [searched(0, "all")], "blog has no lines."],
    ["--since 1h", [searched(0, "all")], "blog has no lines since then."],
    ["--until 1h", [searched(0, "all")], "blog has no lines before that time."],
    ["--since 2h --until 1h", [searched(0, "all")], "blog has no lines in that time."],
    ["--match x", [searched(3_214_900, "all")], `No line of blog matches, of 3,214,900 lines ${back}.`],
    ["--match x -C 1", [searched(9, "all")], `No line of blog matches, of 9 lines ${back}.`],
    ["--match x -C 1 --since 1h", [searched(9, "all", 9)], `No line of blog matches, of 9 lines ${back}.`],
    ["--match x -A 1 --since 2h --until 1h", [searched(0, "all")], "No line of blog matches."],
    [
      "--match x",
      [searched(120_000, "time")],
      `No line of blog was found: the search was given up after 120,000 lines ${back}. ${advice}`,
    ],
  ])("says that there is nothing to show for %s, and what was searched", async (args, events, said) => {
    server.streams = [eventStream(events)];
    const stderr = said === "" ? "" : `${said}\n`;
    expect(await tailrace(`logs -a blog ${args}`)).toEqual({ status: 0, stdout: "", stderr });
  });

  test.each(["", "-C 1", "--since 1h", "--since 1h -C 1"])(
    "says so before it goes on with what comes, and not when something was found (%s)",
    async (options) => {
      const events = (text: string) => [entry("1.1", text), searched(1, "all", Number(text === "hit"))];
      for (const [text, said] of [
        ["hit", ""],
        ["other", `No line of blog matches, of 1 line ${back}.\n`],
      ] as const) {
        const isFiltered = !options.startsWith("--since 1h -C") && text === "other";
        const history = eventStream(isFiltered ? [searched(1, "all")] : events(text), "stay");
        const ending = eventStream(isFiltered ? [searched(1, "all")] : events(text), "end");
        const live = eventStream([searched(0, "found"), entry("1.2", "hit: live")], "stay");
        server.streams = options === "-C 1" ? [ending, live] : [history];
        const args = `logs -a blog --json -f --match hit ${options}`.trim().split(" ");
        const child = startCli(args, cliEnvironment(server));
        const done = finished(child);
        const seen = text === "hit" ? printed(child, "hit") : once(child.stderr, "data");
        await seen;
        child.kill();
        expect((await done).stderr).toBe(said);
      }
    },
  );

  test("says behind the lines that older ones were not searched, and nothing when all were", async () => {
    const found = (end: string) => eventStream([searched(120_000, end, 1), ["1.1", "x"]]);
    server.streams = [found("time"), found("all"), found("found")];
    expect(await tailrace("logs -a blog --match x")).toEqual({
      status: 0,
      stdout: "x\n",
      stderr: `Older lines of blog may match: the search was given up after 120,000 lines ${back}. ${advice}\n`,
    });
    for (const _ of ["all", "found"]) expect((await tailrace("logs -a blog --match x")).stderr).toBe("");
  });

  test("each line of a message of several lines has the name of its app", async () => {
    server.streams = [eventStream([["1.1", "T app[web.1]: one\nT app[web.1]: two"]]), eventStream([])];
    const { stdout } = await tailrace("logs -a blog -a shop-api");
    expect(stdout).toBe("blog     T app[web.1]: one\nblog     T app[web.1]: two\n");
  });

  test("colours only when told to, away from a terminal", async () => {
    server.streams = [
      eventStream([["1.1", "T app[web.1]: hello"]]),
      eventStream([["1.1", "T app[web.1]: hello"]]),
    ];
    const forced = await tailrace("logs -a blog", { FORCE_COLOR: "1" });
    expect(forced.stdout).toBe("\u001b[36mT app[web.1]:\u001b[39m hello\n");
    const refused = await tailrace("logs -a blog --no-color", { FORCE_COLOR: "1" });
    expect(refused.stdout).toBe("T app[web.1]: hello\n");
  });

  test("interleaves the apps of a pattern by time, each line with its app's name", async () => {
    const at = (second: number, text: string) =>
      `2026-01-01T00:00:0${second}.000000+00:00 app[web.1]: ${text}`;
    const streams: Record<string, ReturnType<typeof eventStream>> = {
      "shop-web": eventStream([
        ["1.1", at(1, "a")],
        ["1.2", at(4, "b")],
      ]),
      "shop-api": eventStream([
        ["9.1", at(2, "c")],
        ["9.2", at(3, "d")],
      ]),
    };
    const byPath: (typeof server.streams)[number] = (request, response) =>
      streams[/sessions\/(.*)-\d+$/.exec(request.url!)![1]!]!(request, response, "");
    server.streams = [byPath, byPath];
    const { stdout } = await runCli(["logs", "-a", "shop-*"], cliEnvironment(server));
    expect(stdout.split("\n")).toEqual([
      `shop-web ${at(1, "a")}`,
      `shop-api ${at(2, "c")}`,
      `shop-api ${at(3, "d")}`,
      `shop-web ${at(4, "b")}`,
      "",
    ]);
  });

  test("several tails go on behind their histories, as JSON with the app's name", async () => {
    const entry = (time: string, message: string) => JSON.stringify({ position: "1.1", time, message });
    const history = eventStream([["1.1", entry("2026-01-01T00:00:00Z", "old")]]);
    server.streams = [history, eventStream([])];
    const live = eventStream([["1.2", entry("2026-01-01T00:00:01Z", "new")]], "stay");
    server.streams.push(live, live);
    const child = startCli(["logs", "-t", "-a", "blog", "-a", "shop-api", "--json"], cliEnvironment(server));
    const lines: { app: string; message: string }[] = [];
    for await (const chunk of child.stdout.setEncoding("utf8")) {
      for (const line of chunk.trimEnd().split("\n")) lines.push(JSON.parse(line));
      if (lines.length === 3) break;
    }
    child.kill();
    expect(lines.map(({ message }) => message)).toEqual(["old", "new", "new"]);
    expect(new Set(lines.map(({ app }) => app))).toEqual(new Set(["blog", "shop-api"]));
    expect([...server.resumed].sort()).toEqual(["1.1", undefined, undefined, undefined]);
  });

  test.each([
    ["busy", 20_000],
    ["quiet", 2],
  ])("a closed pipe is a clean end of a %s tail, with status 0 and not a word", async (_, count) => {
    const lines = Array.from({ length: count }, (_, i) => [`1.${i + 1}`, `T app[web.1]: line ${i}`] as const);
    server.streams = [eventStream(lines, "stay")];
    const pipe = `{ '${process.execPath}' '${mainFile}' logs -a blog --tail; echo "status $?" >&2; } | head -1`;
    const { stdout, stderr } = await finished(spawn("sh", ["-c", pipe], { env: cliEnvironment(server) }));
    expect({ stdout, stderr }).toEqual({ stdout: "T app[web.1]: line 0\n", stderr: "status 0\n" });
  });
});
