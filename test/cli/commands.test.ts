import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { cliEnvironment, finished, mainFile, runCli, startCli } from "../support/cli.ts";
import { eventStream, FakeTailrace, json } from "../support/fake-tailrace.ts";

let server: FakeTailrace;
beforeEach(async () => {
  server = await FakeTailrace.open(["shop-web", "shop-api", "blog"]);
});
afterEach(() => server.close());

const tailrace = (args: string, more: Record<string, string> = {}) =>
  runCli(args.split(" "), cliEnvironment(server, more));

describe("the exit status", () => {
  test("is 2 for wrong use, with the mend on stderr and nothing on stdout", async () => {
    for (const args of ["logz", "apps --bogus", "logs", "logs -a x -n many", "apps:destroy blog"]) {
      const { status, stdout, stderr } = await tailrace(args);
      expect({ args, status, stdout }).toEqual({ args, status: 2, stdout: "" });
      expect(stderr).toMatch(/^tailrace: .+\n.+/);
    }
  });

  test("is 1 for a failure, which is told with its mend", async () => {
    const { status, stdout, stderr } = await tailrace("drains -a nothing");
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toBe(
      `tailrace: Couldn't find that app.\n"tailrace apps" lists the apps that this key may see.\n`,
    );
  });
});

describe("tailrace apps, tokens and keys", () => {
  test("lists print a line each, or JSON", async () => {
    expect((await tailrace("apps")).stdout).toBe("shop-web\nshop-api\nblog\n");
    expect(JSON.parse((await tailrace("apps --json")).stdout)).toHaveLength(3);
  });

  test("a new token is printed as the address to send lines to", async () => {
    const { stdout } = await tailrace("tokens:create -a blog worker");
    expect(stdout).toBe(`${server.url.replace("//", "//token:t.blog-worker@")}/logs\n`);
  });

  test("a token is revoked without naming its app", async () => {
    server.apps.get("blog")!.push({ token: "t.x", name: "app" });
    const { status, stdout } = await tailrace("tokens:revoke t.x");
    expect({ status, stdout }).toEqual({ status: 0, stdout: "Revoked token t.x of blog\n" });
    expect(server.calls.at(-1)).toBe("DELETE /v3/channels/blog/tokens/t.x");
  });

  test("a new key is printed alone on stdout", async () => {
    let asked: unknown;
    server.routes.set("POST /oauth/authorizations", (request, response, body) => {
      asked = JSON.parse(body);
      json(201, { id: "k1", access_token: { token: "s3cret" } })(request, response, "");
    });
    const { stdout } = await tailrace("keys:create --app blog --app shop-api --read-only --description ci");
    expect(stdout).toBe("s3cret\n");
    expect(asked).toEqual({ description: "ci", apps: ["blog", "shop-api"], read_only: true });
  });
});

describe("tailrace drains", () => {
  const added = json(201, { id: "1", token: "d.1", url: "https://h/" });
  const taken = {
    kind: "delivered",
    reason: null,
    steps: [
      { name: "resolve", ms: 1.2, detail: "192.0.2.1", failed: false },
      { name: "connect", ms: 12, detail: "192.0.2.1 port 443", failed: false },
    ],
  };
  const refused = {
    kind: "retry",
    reason: "h:443 refused the connection: is the receiver running?",
    steps: [{ name: "connect", ms: 12, detail: "h:443 refused", failed: true }],
  };

  test("a drain whose destination does not take lines is added all the same, and what it said is told", async () => {
    server.routes.set("POST /apps/blog/log-drains", added);
    server.routes.set("POST /apps/blog/log-drains/1/actions/test", json(200, refused));
    const { status, stdout, stderr } = await tailrace("drains:add https://h/ -a blog");
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: `Added drain d.1 to blog: https://h/\nIt does not take lines yet: ${refused.reason}\n`,
    });
    expect(stderr).toBe(
      'They wait until it does. "tailrace drains:test d.1 -a blog" shows each step of a test.\n',
    );
    const { stdout: text } = await tailrace("drains:add https://h/ -a blog --json");
    expect(JSON.parse(text)).toEqual({ id: "1", token: "d.1", url: "https://h/", test: refused });
  });

  test.each(["refused", "split"])(
    "one that refuses lines (%s) is not said to get them later",
    async (kind) => {
      server.routes.set("POST /apps/blog/log-drains", added);
      const trial = { ...refused, kind, reason: 'h:443 answered 400 ("sorry")' };
      server.routes.set("POST /apps/blog/log-drains/1/actions/test", json(200, trial));
      expect(await tailrace("drains:add https://h/ -a blog")).toEqual({
        status: 0,
        stdout: `Added drain d.1 to blog: https://h/\nIt refuses lines: ${trial.reason}\n`,
        stderr:
          'Lines that it refuses are not sent again. "tailrace drains:pause d.1 -a blog" holds them until that is mended.\n',
      });
    },
  );

  test("with --verify the server tries it before, and nothing is added when it fails", async () => {
    let asked: unknown;
    server.routes.set("POST /apps/blog/log-drains", (request, response, body) => {
      asked = JSON.parse(body);
      json(422, { id: "invalid_params", message: "The drain was not added: h:443 refused." })(
        request,
        response,
        "",
      );
    });
    const { status, stdout, stderr } = await tailrace("drains:add https://h/ -a blog --verify");
    expect(asked).toEqual({ url: "https://h/", verify: true });
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toContain("The drain was not added: h:443 refused.");
  });

  test("a test shows each step with its time, and ends with 1 when the line was not taken", async () => {
    server.routes.set("POST /apps/blog/log-drains/d.1/actions/test", json(200, taken));
    expect(await tailrace("drains:test d.1 -a blog")).toMatchObject({
      status: 0,
      stdout:
        "STEP     TIME    FOUND\nresolve  1.2 ms  192.0.2.1\nconnect  12 ms   192.0.2.1 port 443\n" +
        "The destination of drain d.1 took a test line\n",
    });
    server.routes.set("POST /apps/blog/log-drains/d.1/actions/test", json(200, refused));
    expect(await tailrace("drains:test d.1 -a blog")).toMatchObject({
      status: 1,
      stdout:
        "STEP     TIME   FOUND\nconnect  12 ms  failed: see below\n" +
        `The destination of drain d.1 did not take a test line: ${refused.reason}\n`,
    });
  });

  test("a drain's facts have its rate and its next attempt", async () => {
    const shown = { id: "1", token: "d.1", url: "https://h/", state: "retrying", rate: 0.5 };
    const next = { next_attempt_at: "2026-01-01T00:00:01.000Z", last_error: null };
    server.routes.set("GET /apps/blog/log-drains/d.1", json(200, { ...shown, ...next }));
    const { stdout } = await tailrace("drains:info d.1 -a blog");
    expect(stdout).toMatch(/^state +retrying$/m);
    expect(stdout).toMatch(/^next attempt +2026-01-01T00:00:01.000Z$/m);
    expect(stdout).toMatch(/^rate +0.5 lines\/s$/m);
  });

  test("a drain is added with everything that was said about it", async () => {
    let asked: unknown;
    server.routes.set("POST /apps/blog/log-drains", (request, response, body) => {
      asked = JSON.parse(body);
      json(201, { id: "1", token: "d.1", url: "https://h/" })(request, response, "");
    });
    const args =
      "drains:add https://h/ -a blog --format ndjson --source app --dyno web --match x --since 10m " +
      "--compression gzip --redact email --redact card --redact-pattern secret=[a-z]+";
    const header = ["--header", "X-Scope: a b"];
    server.routes.set("POST /apps/blog/log-drains/1/actions/test", json(200, taken));
    const { stdout } = await runCli([...args.split(" "), ...header], cliEnvironment(server));
    expect(stdout).toBe("Added drain d.1 to blog: https://h/\nIt took a test line\n");
    expect(asked).toEqual({
      url: "https://h/",
      format: "ndjson",
      headers: { "X-Scope": "a b" },
      filter: { sources: ["app"], dynos: ["web"], match: "x" },
      since: "10m",
      compression: "gzip",
      redact: { detectors: ["email", "card"], patterns: ["secret=[a-z]+"] },
    });
  });
});

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
      },
    ]);
  });

  test("says when there is nothing to show, and why", async () => {
    server.streams = [eventStream([]), eventStream([]), eventStream([])];
    const nothing = async (args: string) => {
      const { status, stdout, stderr } = await tailrace(`logs -a blog ${args}`);
      expect({ status, stdout }).toEqual({ status: 0, stdout: "" });
      return stderr;
    };
    expect(await nothing("-n 5")).toBe("blog has no lines.\n");
    expect(await nothing("--source x")).toBe("No line of blog matches.\n");
    expect(await nothing("-n 0")).toBe("");
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

  test("a closed pipe is a clean end, with status 0 and not a word", async () => {
    const many = Array.from({ length: 20_000 }, (_, i) => [`1.${i + 1}`, `T app[web.1]: line ${i}`] as const);
    server.streams = [eventStream(many, "stay")];
    const pipe = `{ '${process.execPath}' '${mainFile}' logs -a blog --tail; echo "status $?" >&2; } | head -1`;
    const { stdout, stderr } = await finished(spawn("sh", ["-c", pipe], { env: cliEnvironment(server) }));
    expect({ stdout, stderr }).toEqual({ stdout: "T app[web.1]: line 0\n", stderr: "status 0\n" });
  });
});

describe("tailrace ship", () => {
  const ship = (args: string, input: string, more: Record<string, string> = {}) =>
    runCli(["ship", ...args.split(" ")], cliEnvironment(server, more), input);

  test("sends every line of its input, in order, and says nothing", async () => {
    const input = Array.from({ length: 3000 }, (_, i) => `line ${i}`);
    server.logsAnswers = [{ status: 503 }, "reset"];
    const done = await ship("-a blog --source worker --dyno job.1", input.join("\n"));
    expect(done).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(server.lines()).toEqual(input.map((line) => `worker[job.1]: ${line}`));
  });

  test("needs no key with LOGS_URL, and then has the token of it", async () => {
    const logsUrl = `${server.url.replace("//", "//token:t.there@")}/logs`;
    const done = await runCli(["ship"], cliEnvironment(undefined, { LOGS_URL: logsUrl }), "x\n");
    expect(done).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(server.posts[0]).toMatchObject({ token: "t.there", count: 1 });
    expect(server.calls).toEqual([]);
  });

  test("stops with status 1 when the token is refused, though its input goes on", async () => {
    server.logsAnswers = [{ status: 401 }];
    const child = startCli(["ship", "-a", "blog"], cliEnvironment(server));
    child.stdin.on("error", () => {});
    child.stdin.write("x\n");
    const { status, stderr } = await finished(child);
    expect(status).toBe(1);
    expect(stderr).toMatch(/1 line was not delivered\ntailrace: .*does not accept the token/);
  });

  test("counts what it could not deliver at the end of its input, with status 1", async () => {
    server.logsAnswers = Array.from({ length: 100 }, () => ({ status: 503 }));
    const { status, stderr } = await ship("-a blog --grace 1", "a\nb\n");
    expect(status).toBe(1);
    expect(stderr).toContain("2 lines were lost (L13): it answered 503.");
    expect(stderr).toContain(`Check that ${server.url} runs; a larger --grace (1 s now) waits longer.`);
  });

  test("that gave up after its tries does not advise to wait longer", async () => {
    server.logsAnswers = Array.from({ length: 3 }, () => ({ status: 503 }));
    const { status, stderr } = await ship("-a blog --max-attempts 2", "a\n");
    expect(status).toBe(1);
    expect(stderr).toContain("a larger --max-attempts (2 now), or none, tries more often.");
    expect(stderr).not.toContain("--grace");
  });

  test("ends soon after a signal although the server is away and its input never ends", async () => {
    const away = "http://token:t.x@127.0.0.1:9/logs"; // the discard port: nobody listens
    const child = startCli(["ship", "--grace", "1"], cliEnvironment(undefined, { LOGS_URL: away }));
    const done = finished(child);
    child.stdin.on("error", () => {});
    const input = Buffer.from("a line\n".repeat(10_000));
    const feed = () => {
      while (child.stdin.write(input));
      child.stdin.once("drain", feed);
    };
    feed();
    await once(child.stderr, "data"); // the lines wait
    child.kill("SIGTERM");
    const { status, stderr } = await done;
    expect(status).toBe(1);
    expect(stderr).toMatch(/\d+ lines were lost \(L13\): the connection was refused\./);
  });

  test("sends what it has when it is stopped", async () => {
    const child = startCli(["ship", "-a", "blog"], cliEnvironment(server));
    child.stdin.on("error", () => {}); // it may end before it read its last words
    const done = finished(child);
    child.stdin.write("before\n");
    await server.until(() => server.posts.length === 1);
    child.stdin.write("last words\n");
    child.kill("SIGTERM");
    expect(await done).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(server.lines()).toEqual(["app[shuttle]: before", "app[shuttle]: last words"]);
  });
});
