import { readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { ExampleRun } from "../support/example-run.ts";
import { endOfMatch, examplesIn, matchesWhole } from "../support/examples.ts";

const fenced = (...blocks: readonly (readonly [string, string])[]) =>
  blocks.map(([info, body]) => `\`\`\`${info}\n${body}\n\`\`\`\n`).join("\n");

describe("the examples of a page", () => {
  test("are its sh and text fences, with their terminals", () => {
    const found = examplesIn(
      fenced(["sh", "a"], ["text", "b"], ["json", "{}"], ["sh &tail", "c"], ["text &tail", "d"]),
    );
    expect(found.map(({ kind, terminal, body }) => [kind, terminal, body])).toEqual([
      ["sh", undefined, "a\n"],
      ["text", undefined, "b\n"],
      ["sh", "tail", "c\n"],
      ["text", "tail", "d\n"],
    ]);
  });

  test("may not hide from being run", () => {
    expect(() => examplesIn(fenced(["bash", "a"]))).toThrow("line 1: write sh");
    expect(() => examplesIn(fenced(["sh norun", "a"]))).toThrow('line 1: "norun" means nothing');
  });

  test("match line by line, with … as any part of a line or any lines", () => {
    expect(matchesWhole("made todo (…)\n", "made todo (123)\n")).toBe(true);
    expect(matchesWhole("made todo\n", "made todo\nand more\n")).toBe(false);
    expect(matchesWhole("a\n…\nz\n", "a\nz\n")).toBe(true);
    expect(matchesWhole("a\n…\nz\n", "a\nb\nc\nz\n")).toBe(true);
    expect(matchesWhole("a.c\n", "abc\n")).toBe(false);
    expect(matchesWhole("red\n", "\u001b[31mred\u001b[0m\n")).toBe(true);
  });

  test("match a running program's lines in order, with others between", () => {
    expect(endOfMatch("one\ntwo\n", "zero\none\nother\ntwo\nrest\n")).toBe("zero\none\nother\ntwo\n".length);
    expect(endOfMatch("two\none\n", "one\ntwo\n")).toBe(-1);
    expect(endOfMatch("one\n", "none\n")).toBe(-1);
  });
});

describe("following a page", () => {
  let run: ExampleRun | undefined;
  afterEach(() => run?.close());

  async function follow(page: string): Promise<void> {
    run = await ExampleRun.open(page);
    for (const example of examplesIn(page)) await run.follow(example);
  }

  test("keeps aliases, variables and the folder from block to block, and compares what is printed", async () => {
    await follow(
      fenced(
        ["sh", "alias hail='echo hello'\nNAME=you\ncd docs"],
        ["sh", "hail $NAME; basename $PWD"],
        ["text", "hello you\ndocs"],
      ),
    );
  });

  test("fails at a command that fails, and runs nothing after it", async () => {
    const page = fenced(["sh", "false | cat\necho unreached"], ["sh", "true"]);
    run = await ExampleRun.open(page);
    const [first, second] = examplesIn(page);
    await expect(run.follow(first!)).rejects.toThrow("a command failed (status 1)");
    await expect(run.follow(second!)).rejects.toThrow("not run: the example at line 1 failed");
  });

  test("fails at output that the page does not show", async () => {
    await expect(follow(fenced(["sh", "echo surprise"], ["text", "promise"]))).rejects.toThrow("surprise");
  });

  test("leaves a terminal running, on ports of its own, and ends it as Ctrl-C does", async () => {
    const serve = `node -e '
      const http = require("node:http");
      process.on("SIGINT", () => { require("node:fs").writeFileSync(process.env.BYE, "bye"); process.exit(0); });
      http.createServer((request, response) => { console.log("asked for " + request.url); response.end("yes\\n"); })
        .listen(8700, "127.0.0.1", () => console.log("listens on 127.0.0.1:8700"));'`;
    const bye = join(tmpdir(), `tailrace-bye-${process.pid}`);
    await follow(
      fenced(
        ["sh", `export BYE=${bye}`],
        ["sh &server", serve],
        ["text", "listens on 127.0.0.1:8700"],
        ["sh", "curl -s http://127.0.0.1:8700/a"],
        ["text", "yes"],
        ["text &server", "asked for /a"],
      ),
    );
    await run!.close();
    expect(readFileSync(bye, "utf8")).toBe("bye");
    rmSync(bye);
  });

  test("fails when a running program never prints what the page shows", async () => {
    await expect(follow(fenced(["sh &gone", "echo something else"], ["text", "never"]))).rejects.toThrow(
      "something else",
    );
  });
});
