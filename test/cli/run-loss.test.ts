/** What becomes of the lines of `run` when they come quickly, and when the server is away. */
import { spawnSync } from "node:child_process";
import { createReadStream, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { cliEnvironment, type Finished, finished, printed, runCli, startCli } from "../support/cli.ts";
import { FakeTailrace } from "../support/fake-tailrace.ts";

let server: FakeTailrace;
beforeEach(async () => {
  server = await FakeTailrace.open();
});
afterEach(() => server.close());

const env = () => cliEnvironment(server, { TAILRACE_APP: "shop" });
const runArgs = (options: readonly string[], script: string) => [
  "run",
  "--dyno",
  "web.1",
  ...options,
  ...["--", "sh", "-c", script],
];
const shell = (script: string, ...options: string[]): Promise<Finished> =>
  runCli(runArgs(options, script), env());
const away = Array.from({ length: 10_000 }, () => ({ status: 503 }));
const appLines = () => server.lines("web.1").filter((line) => line.startsWith("app"));

/** 45 MB in lines of 9,000 bytes: more than waits in memory. */
const flood = "head -c 45000000 /dev/zero | tr '\\0' x | fold -w 9000";
const floodLines = 5_000;

describe("lines that come quickly", () => {
  test("200,000 lines at once are all there, in order, and so is how the command ended", async () => {
    const { status, stdout, stderr } = await shell("seq 1 200000; exit 7");
    expect({ status, shown: stdout.split("\n").length - 1 }).toEqual({ status: 7, shown: 200_000 });
    // A slow machine sends the last ones after the command's end, and is told so.
    const waited = /^(tailrace: \d+ lines wait for .*\ntailrace: .* took the lines that waited\n)?$/;
    expect(stderr).toMatch(waited);
    const lines = server.lines("web.1");
    expect(lines).toHaveLength(200_000 + 4);
    expect(lines.slice(2, -2).every((line, i) => line === `app[web.1]: ${i + 1}`)).toBe(true);
    expect(lines.at(-1)).toBe("heroku[web.1]: State changed from up to crashed");
  });

  test("more than waits in memory holds the command while the server takes lines", async () => {
    const { status, stderr } = await shell(`${flood} > /dev/stderr`);
    expect(status).toBe(0);
    expect(stderr).not.toContain("tailrace:");
    expect(appLines()).toHaveLength(floodLines);
  });
});

describe("a server that takes nothing", () => {
  test("holds no command up: what is beyond 32 MiB waits in a file, and arrives in its order", async () => {
    server.logsAnswers = [...away];
    const folder = mkdtempSync(join(tmpdir(), "tailrace-spill-"));
    const child = startCli(runArgs([], `${flood}; echo; echo done`), { ...env(), TMPDIR: folder });
    const done = finished(child);
    await printed(child, "done\n");
    server.logsAnswers = [];
    const { status, stderr } = await done;
    expect(status).toBe(0);
    expect(stderr).not.toContain("dropped");
    const lines = appLines();
    expect(lines).toHaveLength(floodLines + 1);
    expect(lines.at(-1)).toBe("app[web.1]: done");
    expect(readdirSync(folder)).toEqual([]);
    rmSync(folder, { recursive: true });
  });

  test("holds the command with --hold, and nothing is lost", async () => {
    server.logsAnswers = [...away];
    const child = startCli(runArgs(["--hold"], `${flood}; echo; echo done`), env());
    const done = finished(child);
    await server.until(() => server.posts.length > 4);
    server.logsAnswers = [];
    const { status, stdout, stderr } = await done;
    expect({ status, isDone: stdout.endsWith("\ndone\n") }).toEqual({ status: 0, isDone: true });
    expect(stderr).not.toContain("dropped");
    expect(appLines()).toHaveLength(floodLines + 1);
  });

  test("is waited for at the end, for as long as was said, with the count of what waits", async () => {
    server.logsAnswers = [...away];
    const { status, stderr } = await shell("seq 1 50; exit 4", "--grace", "3");
    expect(status).toBe(4);
    // How often it is said, and with how many seconds left, is the machine's.
    const { host } = new URL(server.url);
    const said = stderr.match(/^tailrace: \d+ lines wait for (\S+) \(it answered 503\); for [0-3] s more/m);
    expect(said?.[1]).toBe(host);
    expect(stderr).toMatch(/^tailrace: 54 lines were not logged by .*: it answered 503$/m);
  });
});

describe("a server that is not there", () => {
  /** The port of a server that has gone. */
  const goneUrl = async (): Promise<string> => {
    const gone = await FakeTailrace.open();
    const { url } = gone;
    await gone.close();
    return url;
  };

  test("holds up no start; when it comes it gets all lines", async () => {
    const url = await goneUrl();
    const child = startCli(runArgs([], "echo early; read -r _; echo late"), {
      ...env(),
      TAILRACE_URL: url,
    });
    const done = finished(child);
    await printed(child, "early\n");
    const late = await FakeTailrace.open(["shop"], Number(new URL(url).port));
    await late.until(() => late.lines("web.1").length === 3);
    child.stdin.end("\n");
    const { status, stderr } = await done;
    expect(status).toBe(0);
    expect(stderr).toContain("The command starts, and its lines wait.");
    expect(late.lines("web.1")).toEqual([
      expect.stringContaining("heroku[web.1]: Starting process"),
      "heroku[web.1]: State changed from starting to up",
      "app[web.1]: early",
      "app[web.1]: late",
      "heroku[web.1]: Process exited with status 0",
      "heroku[web.1]: State changed from up to complete",
    ]);
    await late.close();
  });

  test("for good ends with the command's status and the exact count, within the grace", async () => {
    const { status, stdout, stderr } = await runCli(runArgs(["--grace", "1"], "seq 1 5; exit 3"), {
      ...env(),
      TAILRACE_URL: await goneUrl(),
    });
    expect({ status, stdout }).toEqual({ status: 3, stdout: "1\n2\n3\n4\n5\n" });
    expect(stderr).toMatch(/^tailrace: 9 lines were not logged by .*: .*the connection was refused/m);
  });

  test("but an app that is not there is told before anything runs", async () => {
    const { status, stdout, stderr } = await runCli(["run", "-a", "nothing", "--", "echo", "ran"], env());
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toContain("Couldn't find that app.");
  });
});

describe("the end of tailrace itself", () => {
  test("by kill -9 ends everything that the command started", async () => {
    const folder = mkdtempSync(join(tmpdir(), "tailrace-run-"));
    try {
      const held = join(folder, "held");
      spawnSync("mkfifo", [held]);
      // Whoever of them lives holds the pipe open.
      const script = `exec 9> '${held}'; sleep 600 & (sleep 600 & sleep 600) & echo ready; wait`;
      const child = startCli(runArgs([], script), env());
      const closed = new Promise((resolve) =>
        createReadStream(held)
          .resume()
          .once("close", () => resolve(undefined)),
      );
      await printed(child, "ready\n");
      child.kill("SIGKILL");
      await closed;
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("the severity", () => {
  test("of standard error differs from that of standard output", async () => {
    await shell("echo out; echo err >&2");
    const frames = server.posts.flatMap((post) => post.frames);
    const priOf = (text: string) =>
      /^<(\d+)>/.exec(frames.find((frame) => frame.endsWith(` ${text}\n`))!)?.[1];
    expect({ out: priOf("out"), err: priOf("err") }).toEqual({ out: "190", err: "187" });
  });
});
