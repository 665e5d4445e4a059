/** Completion in the real zsh and fish, as somebody has it who put the line of `tailrace completion --help` where the shell begins. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cliEnvironment, finished, mainFile, startCli } from "../support/cli.ts";
import { FakeTailrace, json } from "../support/fake-tailrace.ts";
import { runScript } from "../support/terminal.ts";

const fish = process.env.FISH || "fish";
const zsh = process.env.ZSH || "zsh";
const command = `'${process.execPath}' '${mainFile}'`;

let server: FakeTailrace;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "tailrace-shells-"));
  server = await FakeTailrace.open(["shop-web", "shop-api", "blog"]);
  server.routes.set("GET /apps/blog/log-drains", json(200, [{ id: "1", token: "d.1f", url: "https://h/" }]));
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The line that `tailrace completion --help` says is to be put where that shell begins. */
async function lineFor(shell: string): Promise<string> {
  const { stdout } = await finished(startCli(["completion", "--help"], cliEnvironment(server)));
  return new RegExp(`^  ${shell}  +(.+)$`, "m").exec(stdout)![1]!;
}

describe("fish", () => {
  async function completed(line: string): Promise<string[]> {
    const script = `function tailrace; ${command} $argv; end; ${await lineFor("fish")}; complete --do-complete '${line}'`;
    const env = { ...cliEnvironment(server), HOME: folder };
    const { stdout } = await promisify(execFile)(fish, ["--no-config", "-c", script], { env });
    return stdout.split("\n").filter((row) => row !== "");
  }

  test("completes commands, with what they do", async () => {
    expect(await completed("tailrace drains:repl")).toEqual([expect.stringMatching(/^drains:replay\t\w.+/)]);
  });

  test.each([
    ["tailrace logs --level wa", ["warning"]],
    ["tailrace logs --level=wa", ["--level=warning"]],
    ["tailrace logs -a shop-", ["shop-api", "shop-web"]],
    ["tailrace drains:info -a blog ", ["d.1f"]],
  ])("%s", async (line, found) => {
    expect((await completed(line)).sort()).toEqual(found);
  });
});

describe("zsh", () => {
  /** What stands in the line after Tab at the end of each, and what the terminal showed of the choices. */
  async function tabbed(lines: readonly string[]): Promise<{ stand: string[]; shown: string }> {
    const stands = join(folder, "stood");
    const words = lines.map((line) => `'${line}'`).join(" ");
    const startup = `autoload -Uz compinit; compinit -u -D
tailrace() { ${command} "$@" }
${await lineFor("zsh")}
zle-line-init() {
  local line
  for line in ${words}; do
    BUFFER=$line; CURSOR=\${#BUFFER}; zle expand-or-complete; zle -R; print -r -- "$BUFFER" >> '${stands}'
  done
  exit
}
zle -N zle-line-init
`;
    writeFileSync(join(folder, ".zshrc"), startup);
    writeFileSync(stands, "");
    const env = { ...cliEnvironment(server), ZDOTDIR: folder, HOME: folder };
    const { text } = await runScript(`stty cols 120; '${zsh}' -d -i`, env);
    return { stand: readFileSync(stands, "utf8").split("\n").slice(0, -1), shown: text };
  }

  test("completes commands, options, their values, apps and drains", async () => {
    const { stand } = await tabbed([
      "tailrace drains:repl",
      "tailrace logs --until-m",
      "tailrace logs --level wa",
      "tailrace logs --level=wa",
      "tailrace logs -a b",
      "tailrace drains:info -a blog ",
    ]);
    expect(stand.map((line) => line.trimEnd())).toEqual([
      "tailrace drains:replay",
      "tailrace logs --until-match",
      "tailrace logs --level warning",
      "tailrace logs --level=warning",
      "tailrace logs -a blog",
      "tailrace drains:info -a blog d.1f",
    ]);
  });

  test("shows the choices with what they do, where there are several", async () => {
    const { stand, shown } = await tabbed(["tailrace drains:re"]);
    expect(stand).toEqual(["tailrace drains:re"]);
    for (const name of ["remove", "resume", "replay"])
      expect(shown).toMatch(new RegExp(`drains:${name} +-- \\w`));
  });
});
