import { spawn } from "node:child_process";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { explain } from "../../cli/output.ts";
import { readingCommands } from "../../cli/unknown-command.ts";
import { cliEnvironment, finished, mainFile, runCli } from "../support/cli.ts";
import { FakeTailrace, json } from "../support/fake-tailrace.ts";
import { wholeProgram } from "../support/man-page.ts";

let server: FakeTailrace;
beforeEach(async () => {
  server = await FakeTailrace.open(["shop-web", "shop-api", "blog"]);
});
afterEach(() => server.close());

const tailrace = (args: string, more: Record<string, string> = {}) =>
  runCli(args.split(" "), cliEnvironment(server, more));

describe("the exit status", () => {
  test("is 2 for wrong use, with the mend on stderr and nothing on stdout", async () => {
    server.routes.set("GET /apps/blog", json(200, { name: "blog" }));
    for (const args of ["logz", "apps --bogus", "logs", "logs -a x -n many", "apps:destroy blog"]) {
      const { status, stdout, stderr } = await tailrace(args);
      expect({ args, status, stdout }).toEqual({ args, status: 2, stdout: "" });
      expect(stderr).toMatch(/^tailrace: .+\n.+/);
    }
  });

  test.each([
    ["400 ", 400, "BODY_NOT_JSON", 2],
    ["422 about what was asked for", 422, "PATTERN_INVALID", 2],
    ["422 of a server that names no code", 422, undefined, 2],
    ["422 about a name that is taken", 422, "APP_NAME_TAKEN", 1],
    ["422 about a limit", 422, "KEY_LIMIT", 1],
    ["422 about what a provider refuses", 422, "ADDON_REFUSED", 1],
    ["422 about a drain that takes no test line", 422, "DRAIN_UNVERIFIED", 1],
    ["403 about the right of a key", 403, "KEY_READ_ONLY", 1],
  ])("a %s is told by the server", async (_, status, code, exitStatus) => {
    server.routes.set("POST /apps", json(status, { id: "x", code, message: "No." }));
    expect(await tailrace("apps:create x")).toEqual({
      status: exitStatus,
      stdout: "",
      stderr: "tailrace: No.\n",
    });
  });

  test.each(["apps", "apps --json", "logs --help", "--version"])(
    "is 1 with one line where nothing can be written (%s)",
    async (args) => {
      const line = `'${process.execPath}' '${mainFile}' ${args} > /dev/full`;
      const child = spawn("sh", ["-c", line], { env: cliEnvironment(server) });
      expect(await finished(child)).toEqual({
        status: 1,
        stdout: "",
        stderr: "tailrace: Standard output cannot be written: no space is left there.\n",
      });
    },
  );

  test("is 1 for a failure, which is told with its mend", async () => {
    const { status, stdout, stderr } = await tailrace("drains -a nothing");
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toBe(
      `tailrace: Couldn't find that app.\n"tailrace apps" lists the apps that this key may see.\n`,
    );
  });
});

describe("wrong use", () => {
  test("of any command is 2, whatever is wrong", async () => {
    const program = await wholeProgram();
    const described = program.commands.filter(
      (command) => command.name() !== "help" && command.name() !== "__complete",
    );
    expect(described.length).toBeGreaterThan(20);
    for (const command of described) {
      const name = command.name();
      const needed = command.registeredArguments.filter(({ required }) => required).length;
      const valued = command.options.filter(({ required }) => required).map(({ long }) => [long!]);
      const wrong = [["--no-such-option"], ...valued];
      if (needed > 0) wrong.push([]);
      if (!command.registeredArguments.some(({ variadic }) => variadic))
        wrong.push(Array.from({ length: command.registeredArguments.length + 1 }, () => "one-too-many"));
      for (const words of wrong) {
        let thrown: unknown;
        try {
          (await wholeProgram()).parse([name, ...words], { from: "user" });
        } catch (error) {
          thrown = error;
        }
        expect({ name, words, ...explain(thrown) }).toEqual({ name, words, text: "", exitStatus: 2 });
      }
    }
  });

  test("and failures are JSON on stderr for those who asked for JSON", async () => {
    const wrong = await tailrace("logs --json --bogus");
    expect(wrong).toMatchObject({ status: 2, stdout: "" });
    expect(JSON.parse(wrong.stderr)).toEqual({
      error: {
        message: "unknown option '--bogus'",
        mend: "Add --help to see how the command is used.",
        exit_status: 2,
      },
    });
    const failed = await tailrace("drains -a nothing --json");
    expect(failed).toMatchObject({ status: 1, stdout: "" });
    expect(JSON.parse(failed.stderr)).toEqual({
      error: {
        message: "Couldn't find that app.",
        mend: '"tailrace apps" lists the apps that this key may see.',
        exit_status: 1,
      },
    });
    server.routes.set("POST /apps", json(422, { id: "x", code: "APP_NAME_TAKEN", message: "No." }));
    expect(JSON.parse((await tailrace("apps:create x --json")).stderr)).toMatchObject({
      error: { code: "APP_NAME_TAKEN" },
    });
    expect((await tailrace("nothing -- --json")).stderr).toMatch(/^tailrace: /); // that word is another program's
  });

  test.each(["-v", "-V", "--version"])("%s is none: it prints the version", async (flag) => {
    expect(await tailrace(flag)).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    });
  });
});

describe("a hint at what was meant", () => {
  test.each([
    ["drains:list", "drains"],
    ["keys:lst", "keys"],
    ["lgos", "logs"],
    ["drians:info", "drains:info"],
  ])("%s means %s", async (typed, meant) => {
    const { status, stdout, stderr } = await tailrace(`${typed} -a blog`);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toBe(
      `tailrace: unknown command '${typed}'\nDid you mean "tailrace ${meant}"?\nAdd --help to see how the command is used.\n`,
    );
  });

  test.each(["drains:tset", "apps:creat", "rum", "shipp", "drain:remove", "tokens:revok", "serv"])(
    "%s brings no hint at a command that acts",
    async (typed) => {
      const { status, stderr } = await tailrace(typed);
      expect(status).toBe(2);
      const [, hint] = /Did you mean "tailrace (.*)"/.exec(stderr) ?? [];
      expect([undefined, ...readingCommands]).toContain(hint);
    },
  );

  test("an option is hinted at where nothing is changed, and nowhere else", async () => {
    expect((await tailrace("logs -a blog --tial")).stderr).toContain("(Did you mean --tail?)");
    const acting = await tailrace("apps:destroy blog --confrm blog");
    expect(acting).toMatchObject({ status: 2, stderr: expect.not.stringContaining("Did you mean") });
  });

  test("every command that is hinted at is there", async () => {
    const { stdout } = await tailrace("--help");
    for (const command of readingCommands) expect(stdout).toMatch(new RegExp(`^  ${command} `, "m"));
  });
});

test.each([
  ["worker", "", "No dyno worker of blog runs.\n"],
  ["web.2", "", "No dyno web.2 of blog runs.\n"],
  ["web", "Stopping web of blog\n", ""],
  ["web.1", "Stopping web.1 of blog\n", ""],
])("stop %s says whether one runs", async (target, stdout, stderr) => {
  const shape = { type: "web", state: "up", size: "basic", command: "node web.js", release: { version: 3 } };
  const dyno = { ...shape, name: "web.1", updated_at: "2026-01-02T03:04:05Z" };
  server.routes.set("GET /apps/blog/dynos", json(200, [dyno]));
  const kind = target.includes(".") ? "dynos" : "formations";
  server.routes.set(`POST /apps/blog/${kind}/${target}/actions/stop`, json(200, {}));
  expect(await tailrace(`stop ${target} -a blog`)).toEqual({ status: 0, stdout, stderr });
});

describe("which apps a command is about", () => {
  test("lists of what apps have take several apps and patterns, and say whose each row is", async () => {
    const drain = (id: string) => json(200, [{ id, token: `d.${id}`, url: "https://h/", state: "idle" }]);
    server.routes.set("GET /apps/shop-web/log-drains", drain("1"));
    server.routes.set("GET /apps/shop-api/log-drains", drain("2"));
    server.routes.set("GET /apps/blog/log-drains", json(200, []));
    const { stdout } = await tailrace("drains -a shop-* -a blog");
    expect(stdout).toMatch(/^APP +TOKEN +STATE +LAG +URL\nshop-web +d\.1 .*\nshop-api +d\.2 .*\n$/);
    server.routes.set(
      "GET /apps/blog/log-drains",
      json(200, [
        { id: "3", token: "d.3", url: "https://h/", state: "idle", lag_lines: 0, lost: 52_001, refused: 0 },
      ]),
    );
    expect((await tailrace("drains -a shop-web -a blog")).stdout).toMatch(
      /^APP +TOKEN +STATE +LAG +LOST +URL\nshop-web +d\.1 +idle +https:\/\/h\/\nblog +d\.3 +idle +0 +52,001 +https:\/\/h\/\n$/,
    );
    server.routes.set("GET /apps/blog/log-drains", json(200, []));
    expect(JSON.parse((await tailrace("drains -a *-api --json")).stdout)).toMatchObject([
      { app: "shop-api", token: "d.2" },
    ]);
    expect((await tailrace("drains")).stdout).toMatch(/^APP .*\nshop-web .*\nshop-api .*\n$/);
    server.apps.get("blog")!.push({ token: "t.x", name: "app" });
    expect((await tailrace("tokens -a *")).stdout).toMatch(/^APP +SOURCE .*\nblog +app +t\.x /);
  });

  test.each([
    "drains:remove d.1 -a shop-*",
    "apps:destroy shop-* --confirm shop-*",
    "drains:pause d.1 -a blog -a shop-web",
  ])("%s is wrong use: what is changed is one app's", async (args) => {
    expect(await tailrace(args)).toMatchObject({ status: 2, stdout: "" });
    expect(server.calls).toEqual([]);
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

  test("a token's marks are asked for and shown", async () => {
    let asked: unknown;
    const token = { token: "t.x", name: "boxes", syslog_tag: "t0", keep_hostname: true, keep_source: true };
    server.routes.set("POST /v3/channels/blog/tokens", (_, response, body) => {
      asked = JSON.parse(body);
      response.end(JSON.stringify(token));
    });
    const args = "tokens:create -a blog boxes --keep-hostname --keep-source --json";
    expect(JSON.parse((await tailrace(args)).stdout)).toMatchObject(token);
    expect(asked).toEqual({ name: "boxes", keep_hostname: true, keep_source: true });
    server.apps.get("blog")!.push(token);
    expect((await tailrace("tokens -a blog")).stdout).toMatch(/\nboxes +t\.x +t0 +hostname, source +http/);
  });

  test("sources lists who sends, with the newest error and its mend", async () => {
    const error = {
      cause: "no_token",
      message: "lines are dropped",
      mend: "Do this.",
      first_bytes: "<13>x",
      at: "T2",
    };
    const sender = { peer: "10.0.0.1", door: "syslog", framing: "newline", frames: 7, seen_at: "T1" };
    server.routes.set("GET /senders", (_, response) => {
      const of = { ...sender, last_error: error };
      response.end(JSON.stringify([of, { ...of, door: "relp", framing: "relp" }]));
    });
    const { stdout, stderr } = await tailrace("sources");
    expect(stdout).toMatch(/\n10\.0\.0\.1 +syslog +newline +7 +T1 +no_token, T2\n/);
    expect(stderr).toBe("10.0.0.1: lines are dropped. Do this.\n  it began with: <13>x\n");
    expect(JSON.parse((await tailrace("sources --json")).stdout)[0]).toEqual({
      ...sender,
      last_error: error,
    });
  });

  test("a token is revoked without naming its app", async () => {
    server.apps.get("blog")!.push({ token: "t.x", name: "app" });
    const { status, stdout } = await tailrace("tokens:revoke t.x");
    expect({ status, stdout }).toEqual({ status: 0, stdout: "Revoked token t.x of blog\n" });
    expect(server.calls.at(-1)).toBe("DELETE /v3/channels/blog/tokens/t.x");
  });

  test("a token's name is not taken for the token", async () => {
    const { status, stderr } = await tailrace("tokens:revoke nightly -a blog");
    expect({ status, asked: server.calls.length }).toEqual({ status: 2, asked: 0 });
    expect(stderr).toContain('"nightly" is no token');
    expect(stderr).toContain('"tailrace tokens -a APP" lists them');
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
  test("two headers of one name are wrong use, not the last of them", async () => {
    const headers = ["--header", "X-Scope: a", "--header", "x-scope: b"];
    const args = ["drains:add", "https://h/", "-a", "blog", ...headers];
    const { status, stderr } = await runCli(args, cliEnvironment(server));
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: expect.stringContaining("--header number 2 has the name of one before, x-scope."),
    });
  });

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
          'Lines that it refuses are not sent again. "tailrace drains:pause d.1 -a blog" holds them until that is fixed.\n',
      });
    },
  );

  test("with --verify the server tries it before, and nothing is added when it fails", async () => {
    let asked: unknown;
    server.routes.set("POST /apps/blog/log-drains", (request, response, body) => {
      asked = JSON.parse(body);
      json(422, { code: "DRAIN_UNVERIFIED", message: "The drain was not added: h:443 refused." })(
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
    expect(stdout).toMatch(/^next attempt +now, in its turn$/m);
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
