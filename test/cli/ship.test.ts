import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { cliEnvironment, finished, runCli, startCli } from "../support/cli.ts";
import { FakeTailrace, json } from "../support/fake-tailrace.ts";
import { runInTerminal } from "../support/terminal.ts";

let server: FakeTailrace;
beforeEach(async () => {
  server = await FakeTailrace.open(["shop-web", "shop-api", "blog"]);
});
afterEach(() => server.close());

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

  test("says how its input ends where it is a terminal", async () => {
    const { status, text } = await runInTerminal("tailrace ship -a blog", cliEnvironment(server), {
      after: "Ctrl-D ends them",
      keys: "typed\n\u0004",
    });
    expect({ status, text }).toEqual({
      status: 0,
      text: expect.stringContaining("Reads lines from the terminal"),
    });
    expect(server.lines()).toEqual(["app[shuttle]: typed"]);
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
    expect(stderr).toContain(
      "\nIts operator finds the reason in the server's own log; a larger --grace (1 s now) waits longer.\n",
    );
    expect(stderr).not.toContain("runs;");
  });

  test("says of a server that answers with a mend what happened alone, at each try", async () => {
    const refusal = {
      id: "service_unavailable",
      message: "The store does not answer. Send it again. Do so.",
    };
    server.routes.set("GET /v3/channels/blog/tokens", json(503, refusal));
    const { status, stderr } = await ship("-a blog --grace 2", "a\n");
    expect(status).toBe(1);
    const [, ...lines] = stderr.split("\n");
    expect(lines.join("\n")).not.toContain("end it again");
    expect(stderr).toContain("1 line was lost (L13): The store does not answer.\nIts operator finds");
  });

  test("names the address that nothing answers at", async () => {
    const away = cliEnvironment(undefined, { LOGS_URL: "http://token:t.x@127.0.0.1:9/logs" });
    const { stderr } = await runCli(["ship", "--grace", "1"], away, "a\n");
    expect(stderr).toContain("\nCheck that 127.0.0.1:9 runs; a larger --grace (1 s now) waits longer.\n");
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
    for (const signal of ["SIGTERM", "SIGINT", "SIGTERM"] as const) child.kill(signal); // as timeout does
    expect(await done).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(server.lines()).toEqual(["app[shuttle]: before", "app[shuttle]: last words"]);
  });

  test("4,000 snowmen come out whole", async () => {
    const snowmen = "☃".repeat(4000);
    await ship("-a blog --dyno web.1", `${snowmen}\n`);
    const pieces = server.lines("web.1").map((line) => line.slice("app[web.1]: ".length));
    expect(pieces.join("")).toBe(snowmen);
  });

  test("tells what it dropped as a line of heroku", async () => {
    server.logsAnswers = Array.from({ length: 400 }, () => ({ status: 503 }));
    const child = startCli(["ship", "-a", "blog", "--drop"], cliEnvironment(server));
    const done = finished(child);
    const text = `${"x".repeat(9_999)}\n`.repeat(100);
    const lines = 4_000; // more than 32 MiB
    for (let sent = 0; sent < lines; sent += 100)
      if (!child.stdin.write(text)) await once(child.stdin, "drain");
    server.logsAnswers = [];
    child.stdin.end();
    const { status, stderr } = await done;
    const [, dropped] = /(\d+) lines were dropped \(L12\)/.exec(stderr) ?? [];
    expect({ status, taken: server.lines("shuttle").length + Number(dropped) }).toEqual({
      status: 0,
      taken: lines,
    });
    expect(server.lines("log-shuttle")).toEqual([
      expect.stringContaining(`heroku[log-shuttle]: Error L12: ${dropped} messages dropped since `),
    ]);
  });

  test("sends to the address that the server tells for senders, and says whose it is when it takes no lines", async () => {
    const ingest = await FakeTailrace.open();
    const url = `${ingest.url.replace("//", "//token:t.there@")}/logs`;
    const tokens = ["app", "heroku"].map((name) => ({ token: "t.there", name, url }));
    server.routes.set("GET /v3/channels/blog/tokens", json(200, tokens));
    expect(await ship("-a blog", "x\n")).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(ingest.posts[0]).toMatchObject({ token: "t.there", count: 1 });
    ingest.logsAnswers = [{ status: 421 }];
    const { status, stderr } = await ship("-a blog", "x\n");
    expect(status).toBe(1);
    expect(stderr).toContain(
      `tailrace: ${ingest.url}/logs takes no logs (it answered 421).\nThe server named this address for senders: its operator sets --ingest-url`,
    );
    await ingest.close();
  });
});
