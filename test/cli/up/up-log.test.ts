/** The lines of `up` on their way to the log and to the screen, at a server that the test plays. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Api } from "../../../cli/api/api.ts";
import { Output } from "../../../cli/output.ts";
import { UpLog } from "../../../cli/up/up-log.ts";
import { FakeTailrace } from "../../support/fake-tailrace.ts";
import { until } from "../../support/until.ts";

let server: FakeTailrace;
let shown: string;
let noted: string;
let stdout: PassThrough;
beforeEach(async () => {
  server = await FakeTailrace.open();
  shown = "";
  noted = "";
  stdout = new PassThrough();
  stdout.setEncoding("utf8").on("data", (text) => (shown += text));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await server.close();
});

/** Longer than a test: no line waits in vain because the machine is busy. */
const graceMs = 600_000;
const plainly = { levelFromJson: true };
function open(lines: { join?: true; levelFromJson: boolean } = plainly, terminal: object = {}): UpLog {
  const variables = { TAILRACE_URL: server.url, TAILRACE_API_KEY: server.key };
  const out = Object.assign(stdout, { fd: 1, ...terminal }) as never;
  const notes = new PassThrough();
  notes.setEncoding("utf8").on("data", (text) => (noted += text));
  const output = new Output(out, notes as never, variables);
  return new UpLog(new Api(variables), "shop", output, lines);
}
const posted = () => server.posts.flatMap(({ frames }) => frames);

test("samples of memory are in the log, and not before anybody's eyes", async () => {
  const log = open();
  log.sample("web.1", "source=web.1 sample#memory_total=44.52MB");
  log.state("web.1", "Error R14 (Memory quota exceeded)");
  await log.close(graceMs);
  expect(shown).toBe("heroku[web.1]: Error R14 (Memory quota exceeded)\n");
  expect(server.lines()).toEqual([
    "heroku[web.1]: source=web.1 sample#memory_total=44.52MB",
    "heroku[web.1]: Error R14 (Memory quota exceeded)",
  ]);
});

describe("the output of a dyno", () => {
  test("that the server does not take waits in a file beyond 32 MiB, and arrives in its order", async () => {
    server.logsAnswers = Array.from({ length: 10_000 }, () => ({ status: 503 }));
    const folder = mkdtempSync(join(tmpdir(), "tailrace-up-spill-"));
    vi.stubEnv("TMPDIR", folder);
    const log = open();
    const { take, end } = log.outputOf("app", "web.1");
    const chunk = (at: number) =>
      Buffer.from(Array.from({ length: 100 }, (_, n) => `${at * 100 + n} ${"x".repeat(9_000)}\n`).join(""));
    for (let at = 0; at < 50; at++) await take("stdout", chunk(at)); // 45 MB
    expect(shown.split("\n")).toHaveLength(5_001);
    server.logsAnswers = [];
    await end();
    await log.close(graceMs);
    const numbers = server.lines("web.1").map((line) => Number(/^app\[web\.1\]: (\d+)/.exec(line)?.[1]));
    expect(numbers).toEqual(Array.from({ length: 5_000 }, (_, n) => n));
    expect(readdirSync(folder)).toEqual([]);
    rmSync(folder, { recursive: true });
  });

  test("of empty lines, of which a read has tens of thousands, is whole in the log and holds no turn", async () => {
    const log = open(plainly, { isTTY: true, columns: 80 });
    const { take, end } = log.outputOf("app", "web.1");
    let turns = 0;
    const counting = setInterval(() => turns++, 0);
    for (let at = 0; at < 4; at++) await take("stdout", Buffer.alloc(65_536, "\n"));
    clearInterval(counting);
    await end();
    await log.close(graceMs);
    expect(turns).toBeGreaterThan(10);
    expect(server.lines("web.1")).toHaveLength(4 * 65_536);
  });

  test("has the severity of its stream, or the one that a line names itself", async () => {
    const log = open();
    const { take, end } = log.outputOf("app", "web.1");
    await take("stdout", Buffer.from('plain\n{"level":"warn","msg":"hot"}\n'));
    await take("stderr", Buffer.from("loud\n"));
    end();
    await log.close(graceMs);
    expect(posted().map((frame) => /^<\d+>/.exec(frame)![0])).toEqual(["<190>", "<188>", "<187>"]);
  });

  test("is joined with --join, and each row of a message has its head on the screen", async () => {
    const log = open({ ...plainly, join: true });
    const { take, end } = log.outputOf("app", "web.1");
    await take("stderr", Buffer.from("Error: no\n    at web.js:1\n    at web.js:2\nnext\n"));
    await vi.waitFor(() => expect(shown).toContain("next")); // without more output, by the joiner's own time
    end();
    await log.close(graceMs);
    expect(posted()).toHaveLength(2);
    expect(shown).toBe(
      "app[web.1]: Error: no\napp[web.1]:     at web.js:1\napp[web.1]:     at web.js:2\napp[web.1]: next\n",
    );
  });
});

test("the person is told that lines wait for the server, and that it takes them again", async () => {
  server.logsAnswers = Array.from({ length: 3 }, () => ({ status: 503 }));
  const log = open();
  const { take, end } = log.outputOf("app", "web.1");
  await take("stdout", Buffer.from("kept\n"));
  await until(() => noted.includes("takes the lines again"), { tell: () => noted });
  expect(noted.match(/they wait|takes the lines again/g)).toEqual(["they wait", "takes the lines again"]);
  expect(server.lines("web.1")).toEqual(["app[web.1]: kept"]);
  end();
  await log.close(graceMs);
});

describe("the screen", () => {
  test("of a terminal has aligned names in colours, and errors told apart", async () => {
    const log = open(plainly, { isTTY: true, columns: 80 });
    log.state("web.1", "State changed from starting to up");
    await log.outputOf("app", "worker.1").take("stderr", Buffer.from("no such thing \u001b[2J\n"));
    log.api("Release v1 created by user a@b");
    await log.close(graceMs);
    const esc = "\u001b";
    const rows = shown.split("\n").map((row) => row.replace(/\d\d:\d\d:\d\d/, "TIME"));
    expect(rows).toEqual([
      `${esc}[2mTIME${esc}[22m ${esc}[36m*web.1${esc}[39m ${esc}[2m|${esc}[22m State changed from starting to up`,
      expect.stringContaining(`worker.1${esc}[39m ${esc}[31m`),
      expect.stringContaining("Release v1 created by user a@b"),
      "",
    ]);
    expect(rows[1]).toContain("no such thing \\u001b[2J");
  });

  test("of a terminal leaves out what nobody could read, says how much, and holds nobody up", async () => {
    const log = open(plainly, { isTTY: true, columns: 80 });
    const { take, end } = log.outputOf("app", "web.1");
    const lines = 50_000;
    const chunk = (at: number) => Buffer.from(Array.from({ length: 500 }, (_, n) => `${at + n}\n`).join(""));
    for (let at = 0; at < lines; at += 500) {
      await take("stdout", chunk(at));
      if (at === lines / 2) log.state("web.1", "State changed from up to crashed");
    }
    end();
    await log.close(graceMs);
    const shownLines = shown.match(/web\.1\S* +\S+ \d+$/gm)?.length ?? 0;
    const leftOut = [...shown.matchAll(/-- (\d+) lines are not shown here: the log has all --/g)];
    expect(shownLines + leftOut.reduce((sum, [, count]) => sum + Number(count), 0)).toBe(lines);
    expect(shownLines).toBeLessThan(lines / 2);
    expect(shown).toContain("State changed from up to crashed");
    expect(server.lines("web.1")).toHaveLength(lines + 1);
  });

  test("of a pipe is plain, and what drives terminals is written out", async () => {
    const log = open();
    await log.outputOf("app", "web.1").take("stdout", Buffer.from("a\u001b]0;b\u0007\n"));
    await log.close(graceMs);
    expect(shown).toBe("app[web.1]: a\\u001b]0;b\\u0007\n");
  });
});
