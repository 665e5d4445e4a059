/** The command line against real servers: what it promises of lines, on each store. */
import { spawn } from "node:child_process";
import { rename, rm } from "node:fs/promises";
import { afterEach, describe, expect, test } from "vitest";
import { cliEnvironment, finished, printed, runCli, startCli } from "../support/cli.ts";
import { program, stores, TestServer, testKey } from "../support/server.ts";

let server: TestServer;
afterEach(() => server.destroy());

const env = () => cliEnvironment({ url: server.url, key: testKey }, { TAILRACE_APP: "shop" });
const run = (args: readonly string[], input?: string) => runCli(args, env(), input, program);
const messages = (stdout: string): string[] => stdout.trimEnd().split("\n").map(messageOf);
const messageOf = (line: string): string => line.replace(/^\S+ (\S+): /, "$1 ");

describe.each(stores)("on %s", (store) => {
  test("200,000 lines of run are all in the log, in order, and so is how it ended", async () => {
    server = await TestServer.startOn(store);
    await server.createApp("shop");
    const command = ["run", "--dyno", "web.1", "--", "sh", "-c", "seq 1 200000; echo err >&2; exit 7"];
    const { status, stderr } = await run(command);
    expect({ status, stderr: stderr.replace(/^tailrace: .*wait.*\n/gm, "") }).toEqual({
      status: 7,
      stderr: "err\n",
    });
    const { stdout } = await run(["logs", "--since", "1h"]);
    const lines = messages(stdout).slice(2);
    const numbers = lines.filter((line) => /^app\[web\.1\] \d+$/.test(line));
    expect(numbers).toHaveLength(200_000);
    expect(numbers.every((line, i) => line === `app[web.1] ${i + 1}`)).toBe(true);
    expect(lines.filter((line) => line.startsWith("heroku"))).toEqual([
      "heroku[web.1] Process exited with status 7",
      "heroku[web.1] State changed from up to crashed",
    ]);
    const json = await run(["logs", "--json", "--since", "1h"]);
    const severityOf = (text: string) =>
      new RegExp(`"severity":"(\\w+)","message":"${text}"`).exec(json.stdout)?.[1];
    expect({ out: severityOf("200000"), err: severityOf("err") }).toEqual({ out: "info", err: "err" });
  });
});

describe.each(stores)("the history on %s", (store) => {
  const logs = (...args: string[]) => run(["logs", ...args]);

  test("is searched whole, cut with a word, and filtered by all that was named", async () => {
    server = await TestServer.startOn(store);
    await server.createApp("shop");
    const numbers = Array.from({ length: 1_800 }, (_, i) => `line ${i}`);
    await run(["ship", "--dyno", "web.1"], `${numbers.join("\n")}\n`);
    await run(["ship", "--dyno", "worker.1"], "work\n");
    await run(["ship", "--dyno", "cron.1"], "tick\n");

    const many = await logs("-n", "5000");
    expect(messages(many.stdout)).toHaveLength(1_500);
    expect(many.stderr).toMatch(/^shop: 5,000 lines were asked for, and this server shows 1,500 at most\./);

    expect(messages((await logs("--since", "1h", "-n", "3")).stdout)).toEqual([
      "app[web.1] line 1799",
      "app[worker.1] work",
      "app[cron.1] tick",
    ]);

    const two = await logs("--dyno", "worker", "--dyno", "cron.1");
    expect(messages(two.stdout)).toEqual(["app[worker.1] work", "app[cron.1] tick"]);

    const old = await logs("--match", "^line 7$", "--match", "^tick$");
    expect(old).toMatchObject({ status: 0, stderr: "" });
    expect(messages(old.stdout)).toEqual(["app[web.1] line 7", "app[cron.1] tick"]);

    const none = await logs("--match", "nothing of the kind");
    expect(none).toMatchObject({ status: 0, stdout: "" });
    expect(none.stderr).toMatch(
      /^No line of shop matches, of 1,802 lines since \d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d\.\n$/,
    );

    expect(await logs("--match", "(")).toMatchObject({ status: 2, stdout: "" });

    const around = await logs("--match", "^line (7|9|500)$", "-C", "1");
    expect(around).toMatchObject({ status: 0, stderr: "" });
    const texts = around.stdout
      .trimEnd()
      .split("\n")
      .map((line) => line.replace(/^.*: line /, ""));
    expect(texts).toEqual(["6", "7", "8", "9", "10", "--", "499", "500", "501"]);

    await run(["ship", "--dyno", "web.2"], "level=warn msg=slow\n[error] down\nlevel=info msg=fine\n");
    const bad = await logs("--level", "warning", "--exclude-dyno", "cron.*");
    expect(messages(bad.stdout)).toEqual(["app[web.2] level=warn msg=slow", "app[web.2] [error] down"]);

    const [position] = (await logs("--match", "^work$", "--positions")).stdout.split(" ");
    const resumed = await logs("--from", position!, "--dyno", "*.1");
    expect(messages(resumed.stdout)).toEqual(["app[cron.1] tick"]);
    const [time] = (await logs("--dyno", "cron")).stdout.split(" ");
    const before = new Date(Date.parse(time!) - 60_000).toISOString();
    expect(await logs("--until", before)).toMatchObject({
      stdout: "",
      stderr: "shop has no lines before that time.\n",
    });
  });
});

describe("a tail", () => {
  test("of a server that comes back with another log says so, and shows that one from its oldest line", async () => {
    const withLines = async (text: string) => {
      server = await TestServer.start();
      await server.createApp("shop");
      await run(["ship", "--dyno", "web.1"], text);
      return server;
    };
    const other = await withLines("first\nsecond\n");
    await other.kill();
    await withLines("before\n");
    const tail = startCli(["logs", "-t"], env(), program);
    const done = finished(tail);
    await printed(tail, "before\n");
    await server.kill();
    await rm(server.data, { recursive: true });
    await rename(other.data, server.data);
    await server.start();
    await printed(tail, "second\n");
    tail.kill();
    const { stdout, stderr } = await done;
    expect(messages(stdout)).toEqual(["app[web.1] before", "app[web.1] first", "app[web.1] second"]);
    expect(stderr.match(/shop: this log is not the one that was read before/g)).toHaveLength(1);
  });

  test("that nobody reads any more ends at once, though no line comes", async () => {
    server = await TestServer.start();
    await server.createApp("shop");
    await run(["ship", "--dyno", "web.1"], "one\ntwo\nthree\n");
    const pipe = `{ '${process.execPath}' '${program}' logs -t; echo "status $?" >&2; } | head -2`;
    const { stdout, stderr } = await finished(spawn("sh", ["-c", pipe], { env: env() }));
    expect({ lines: messages(stdout), stderr }).toEqual({
      lines: ["app[web.1] one", "app[web.1] two"],
      stderr: "status 0\n",
    });
  });
});
