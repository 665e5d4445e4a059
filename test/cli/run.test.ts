import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { lineBytesMax } from "../../cli/local/limits.ts";
import { cliEnvironment, finished, mainFile, runCli, startCli } from "../support/cli.ts";
import { FakeTailrace } from "../support/fake-tailrace.ts";

let server: FakeTailrace;
beforeEach(async () => {
  server = await FakeTailrace.open();
});
afterEach(() => server.close());

const env = () => cliEnvironment(server, { TAILRACE_APP: "shop" });
const shell = (script: string, ...options: string[]) =>
  runCli(["run", "--dyno", "web.1", ...options, "--", "sh", "-c", script], env());

describe("tailrace run", { concurrent: false }, () => {
  test("logs output and state changes in order, shows the output, and ends with the command's status", async () => {
    const { status, stdout, stderr } = await shell("echo out; printf 'half line'; exit 3");
    expect({ status, stdout, stderr }).toEqual({ status: 3, stdout: "out\nhalf line", stderr: "" });
    expect(server.lines()).toEqual([
      "heroku[web.1]: Starting process with command `sh -c echo out; printf 'half line'; exit 3`",
      "heroku[web.1]: State changed from starting to up",
      "app[web.1]: out",
      "app[web.1]: half line",
      "heroku[web.1]: Process exited with status 3",
      "heroku[web.1]: State changed from up to crashed",
    ]);
  });

  test("keeps standard error apart on the terminal, and logs it alike", async () => {
    const { status, stdout, stderr } = await shell("echo oops >&2");
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "", stderr: "oops\n" });
    expect(server.lines()).toContain("app[web.1]: oops");
    expect(server.lines().at(-1)).toBe("heroku[web.1]: State changed from up to complete");
  });

  test("gives the command its standard input, its environment and the name of the dyno", async () => {
    const { stdout } = await runCli(["run", "-a", "shop", "sh", "-c", 'cat; echo "$DYNO"'], env(), "hello\n");
    expect(stdout).toMatch(/^hello\nrun\.[1-9]\d{3}\n$/);
    const [name] = /run\.\d+/.exec(stdout)!;
    expect(server.lines(name)).toContain(`app[${name}]: hello`);
  });

  test("says that there is no such command, with status 127", async () => {
    const { status, stderr } = await runCli(["run", "--dyno", "web.1", "--", "no-such-command", "x"], env());
    expect(status).toBe(127);
    expect(stderr).toContain('There is no command "no-such-command".');
    expect(server.lines().slice(1)).toEqual([
      "heroku[web.1]: Process exited with status 127",
      "heroku[web.1]: State changed from starting to crashed",
    ]);
  });

  test("passes SIGTERM on to everything that the command started, and says so", async () => {
    const child = startCli(
      ["run", "--dyno", "web.1", "--", "sh", "-c", "sleep 60 & echo ready; wait"],
      env(),
    );
    const done = finished(child);
    await once(child.stdout, "data");
    child.kill("SIGTERM");
    expect((await done).status).toBe(143);
    expect(server.lines("web.1").slice(-3)).toEqual([
      "heroku[web.1]: Stopping all processes with SIGTERM",
      "heroku[web.1]: Process exited with status 143",
      "heroku[web.1]: State changed from up to complete",
    ]);
  });

  test.each(["SIGUSR1", "SIGUSR2"] as const)(
    "passes %s on to the command, which goes on, and opens no debugger",
    async (signal) => {
      const script = `trap 'echo heard; exit 7' ${signal.slice(3)}; echo ready; while :; do sleep 0.05; done`;
      const child = startCli(["run", "--dyno", "web.1", "--", "sh", "-c", script], env());
      const done = finished(child);
      await once(child.stdout, "data");
      child.kill(signal);
      expect(await done).toEqual({ status: 7, stdout: "ready\nheard\n", stderr: "" });
    },
  );

  test("takes a signal that comes twice, as from timeout, for one", async () => {
    const script =
      "trap 'sleep 0.2; echo put away; exit 3' TERM INT; echo ready; while :; do sleep 0.05; done";
    const child = startCli(["run", "--dyno", "web.1", "--", "sh", "-c", script], env());
    const done = finished(child);
    await once(child.stdout, "data");
    for (const signal of ["SIGTERM", "SIGINT", "SIGTERM"] as const) child.kill(signal);
    expect(await done).toMatchObject({ status: 3, stdout: "ready\nput away\n" });
    expect(server.lines()).not.toContain("heroku[web.1]: Stopping process with SIGKILL");
  });

  test("kills a command that ignores the first signal at a second one, after a second", async () => {
    const script = "trap 'sleep 1.1; echo ignored' INT; echo ready; while :; do sleep 0.05; done";
    const child = startCli(["run", "--dyno", "web.1", "--", "sh", "-c", script], env());
    const done = finished(child);
    await once(child.stdout, "data");
    child.kill("SIGINT");
    await server.until(() => server.lines().includes("app[web.1]: ignored"));
    child.kill("SIGINT");
    expect((await done).status).toBe(137);
    expect(server.lines()).toContain("heroku[web.1]: Stopping process with SIGKILL");
    expect(server.lines()).toContain("heroku[web.1]: Process exited with status 137");
  });

  test("runs the command to its end when the log server takes nothing, and tells at once and at the end", async () => {
    server.logsAnswers = Array.from({ length: 1000 }, () => ({ status: 401 }));
    const { status, stdout, stderr } = await shell(
      "i=0; while [ $i -lt 50 ]; do echo $i; i=$((i+1)); done; exit 4",
    );
    expect(status).toBe(4);
    expect(stdout.split("\n")).toHaveLength(51);
    expect(stderr).toMatch(
      /^tailrace: From now on nothing is logged: .* does not accept the token .*\n"tailrace tokens -a APP" lists/,
    );
    expect(stderr).toMatch(/^tailrace: 54 lines were not logged by 127\.0\.0\.1:\d+: .*does not accept/m);
  });

  test("keeps a line of up to 256 KiB whole, cuts a longer one and logs all of it", async () => {
    await shell("head -c 600000 /dev/zero | tr '\\0' x; echo; head -c 200000 /dev/zero | tr '\\0' x; echo");
    const pieces = server.posts.flatMap((post) => post.frames).filter((frame) => frame.includes("xxx"));
    expect(pieces.map((frame) => frame.split(" ").at(-1)!.trimEnd().length)).toEqual([
      lineBytesMax,
      lineBytesMax,
      600_000 - 2 * lineBytesMax,
      200_000,
    ]);
    for (const frame of pieces) expect(Buffer.byteLength(frame)).toBeLessThanOrEqual(256 * 1024);
  });

  test("needs nothing but LOGS_URL, whose token decides the source of all lines", async () => {
    const url = `${server.url.replace("//", "//token:t.shop-app@")}/logs`;
    const bare = { ...env(), LOGS_URL: url, TAILRACE_API_KEY: "", TAILRACE_APP: "" };
    const { status, stderr } = await runCli(["run", "--dyno", "web.1", "--", "echo", "hi"], bare);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(server.posts.every(({ token }) => token === "t.shop-app")).toBe(true);
    const frames = server.posts.flatMap((post) => post.frames);
    expect(frames.map((frame) => frame.slice(frame.indexOf(" - - ") + 5).trimEnd())).toContain("hi");
    expect(server.calls.filter((call) => call.includes("/v3/"))).toEqual([]);
  });

  test("severities are those of the streams, unless a line names its own", async () => {
    const script = `echo out; echo '{"level":"error","msg":"x"}'; echo 'level=debug msg=y' >&2; sleep 0.2; echo err >&2`;
    const prisOf = () =>
      server.posts
        .flatMap((post) => post.frames)
        .filter((frame) => /(out|x"}|msg=y|err)\n?$/.test(frame))
        .map((frame) => Number(/^<(\d+)>/.exec(frame)![1]))
        .sort();
    await shell(script);
    expect(prisOf()).toEqual([187, 187, 190, 191]);
    server.posts.length = 0;
    await shell(script, "--no-level-from-json");
    expect(prisOf()).toEqual([187, 187, 190, 190]);
  });

  test("--join makes one message of a stack trace", async () => {
    await shell("printf 'Error: x\\n    at a\\n    at b\\nnext\\n'", "--join");
    const frames = server.posts.flatMap((post) => post.frames);
    expect(frames.some((frame) => frame.endsWith("Error: x\n    at a\n    at b\n"))).toBe(true);
  });

  test("ends the command as a pipe would when nobody reads its output any more", async () => {
    const child = startCli(["run", "--dyno", "web.1", "--", "yes"], env());
    const ended = once(child, "exit");
    await once(child.stdout, "data");
    child.stdout.destroy();
    const [status] = await ended;
    expect(status).toBe(128 + 13); // SIGPIPE
  });

  test("goes on logging where its output cannot be shown, says so, and does not end with 0", async () => {
    const line = `'${process.execPath}' '${mainFile}' run --dyno web.1 -- seq 1 3 > /dev/full`;
    const { status, stderr } = await finished(spawn("sh", ["-c", line], { env: env() }));
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: "tailrace: Standard output cannot be written: no space is left there.\n",
    });
    expect(server.lines().slice(2)).toEqual([
      ...[1, 2, 3].map((n) => `app[web.1]: ${n}`),
      "heroku[web.1]: Process exited with status 0",
      "heroku[web.1]: State changed from up to complete",
    ]);
  });

  test("lets the command open /dev/stdout and /dev/stderr", async () => {
    const { stdout, stderr } = await shell("echo out > /dev/stdout; echo err > /dev/stderr");
    expect({ stdout, stderr }).toEqual({ stdout: "out\n", stderr: "err\n" });
  });
});
