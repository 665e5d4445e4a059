/** Whatever answers in a server's place, in JSON of any form: each command says so, and none takes it for its own mistake. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { askingCommands } from "../../support/asking-commands.ts";
import { runCli } from "../../support/cli.ts";
import { wholeProgram } from "../../support/man-page.ts";
import { openStandIn, type StandIn } from "../../support/stand-in.ts";

let status = 200;
let answer = "";
let server: StandIn;
beforeAll(async () => {
  server = await openStandIn((_, response) => {
    response.writeHead(status, { "content-type": "application/json" }).end(answer);
  });
});
afterAll(() => server.close());

async function run(words: readonly string[]): Promise<{ text: string; exitStatus: number }> {
  return (await server.run(words)).failure ?? { text: "", exitStatus: 0 };
}

const answers = ["[]", "{}", "null", '"x"', "[1]", "[null]", "[{}]", "5"];
const rows = Object.entries(askingCommands).flatMap(([kind, lines]) =>
  lines.map((line) => [line, kind] as const),
);

test.each(rows)("%s", async (line, kind) => {
  status = 200;
  for (answer of answers) {
    const outcome = await run(line.split(" "));
    const isRight = (kind === "list" && answer === "[]") || (kind === "map" && answer === "{}");
    if (isRight) expect(outcome.text).not.toContain("a bug");
    else
      expect({ answer, ...outcome }).toEqual({
        answer,
        text: expect.stringMatching(
          /^tailrace: The answer of http:\/\/127\.0\.0\.1:\d+ cannot be understood: its? [^\n]+\.\nIs it a tailrace server\? /,
        ),
        exitStatus: 1,
      });
  }
});

test("all commands that ask a server are tried", async () => {
  const tried = new Set(rows.map(([line]) => line.split(" ")[0]));
  const others = ["run", "ship", "up", "import", "serve", "doctor", "completion", "__complete", "help"];
  const names = (await wholeProgram()).commands.map((command) => command.name());
  expect(names.filter((name) => !tried.has(name) && !others.includes(name))).toEqual([]);
});

describe("run, ship and up", () => {
  test.each(["run -a shop -- true", "ship -a shop", "up -a shop --procfile PROCFILE"])(
    "%s",
    async (line) => {
      const folder = mkdtempSync(join(tmpdir(), "tailrace-strange-"));
      const procfile = join(folder, "Procfile");
      writeFileSync(procfile, "worker: true\n");
      status = 200;
      for (answer of ["{}", "null", '"x"', "[1]"]) {
        const words = line.replace("PROCFILE", procfile).split(" ");
        const { status: exitStatus, stderr } = await runCli(
          words,
          { ...server.variables, PATH: process.env.PATH! },
          "line\n",
        );
        expect({ answer, stderr }).toEqual({
          answer,
          stderr: expect.stringMatching(/The answer of http:\/\/127\.0\.0\.1:\d+ cannot be understood/),
        });
        expect(stderr).not.toContain("a bug");
        if (!line.startsWith("run")) expect(exitStatus).toBe(1); // `run` ends as its command does
      }
      rmSync(folder, { recursive: true });
    },
    60_000,
  );
});

describe("an error", () => {
  test.each([400, 404, 422, 500, 503])(
    "of status %i without words that can be read is told by its status",
    async (code) => {
      status = code;
      for (answer of [
        ...answers,
        '{"message":5,"code":{},"resource":[]}',
        '{"message":null}',
        '{"error":{}}',
      ]) {
        const { text, exitStatus } = await run(["apps"]);
        expect({ answer, text }).toEqual({ answer, text: expect.stringContaining(String(code)) });
        expect(text).not.toContain("a bug");
        expect(exitStatus).toBe(1);
      }
    },
  );

  test("of a megabyte is cut", async () => {
    status = 422;
    for (answer of ["message", "error"].map((field) =>
      JSON.stringify({ [field]: "word ".repeat(200_000) }),
    )) {
      const { text } = await run(["apps"]);
      expect(text).toMatch(/^tailrace: (word ){300,}/);
      expect(text.length).toBeLessThan(2_100);
    }
  });
});
