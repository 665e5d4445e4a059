import { spawn } from "node:child_process";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { candidatesFor } from "../../cli/completion.ts";
import { completionScripts } from "../../cli/completion-scripts.ts";
import { cliEnvironment, finished, mainFile, runCli } from "../support/cli.ts";
import { FakeTailrace, json } from "../support/fake-tailrace.ts";
import { wholeProgram } from "../support/man-page.ts";

let server: FakeTailrace;
beforeEach(async () => {
  server = await FakeTailrace.open(["shop-web", "shop-api", "blog"]);
  server.routes.set("GET /apps/blog/log-drains", json(200, [{ id: "1", token: "d.1f" }]));
});
afterEach(() => server.close());

const known = {
  apps: async () => ["blog", "shop-api"],
  drains: async (app: string) => (app === "blog" ? ["d.1f"] : []),
  processes: async (app: string) => (app === "blog" ? ["web.1", "worker.1"] : []),
};
const texts = async (line: string): Promise<string[]> =>
  (await candidatesFor(await wholeProgram(), line.split(" "), known)).map(({ text }) => text);

describe("what may stand there", () => {
  test.each<[line: string, found: string[]]>([
    ["lo", ["logs"]],
    ["drains:re", ["drains:remove", "drains:resume", "drains:replay"]],
    ["--vers", ["--version"]],
    ["logs --lev", ["--level"]],
    ["logs --level cr", ["crit"]],
    ["logs --level=n", ["--level=notice"]],
    ["logs -f -a ", ["blog", "shop-api"]],
    ["logs -a sh", ["shop-api"]],
    ["logs --tail b", []],
    ["apps:destroy b", ["blog"]],
    ["apps:create b", []],
    ["drains:info -a blog d", ["d.1f"]],
    ["drains:info -a shop-api ", []],
    ["logs -a blog --dyno we", ["web.1"]],
    ["logs -a blog --exclude-dyno=", ["--exclude-dyno=web.1", "--exclude-dyno=worker.1"]],
    ["restart -a blog wo", ["worker.1"]],
    ["completion z", ["zsh"]],
    ["run -a blog -- --", []],
    ["nothing --", []],
  ])("%s", async (line, found) => {
    expect(await texts(line)).toEqual(found);
  });

  test("every command, and nothing that is hidden", async () => {
    const all = await texts("");
    expect(all).toContain("drains:update");
    expect(all).not.toContain("__complete");
  });
});

describe("a shell", () => {
  /** The answers of the real bash, with its own idea of where words break. */
  async function bash(line: string, breaks = "COMP_WORDBREAKS"): Promise<string[]> {
    const script =
      `tailrace() { '${process.execPath}' '${mainFile}' "$@"; }; source <(tailrace completion bash); ` +
      `COMP_LINE='${line}'; COMP_POINT=\${#COMP_LINE}; COMP_WORDBREAKS=\${${breaks}}; _tailrace; printf '%s\\n' "\${COMPREPLY[@]}"; ` +
      "complete -p tailrace";
    const env = { ...cliEnvironment(server), NO_COLON: " \t\n\"'><;|&(" };
    const { stdout, stderr } = await finished(spawn("bash", ["--norc", "-c", script], { env }));
    expect(stderr).toBe("");
    const lines = stdout.trimEnd().split("\n");
    expect(lines.pop()).toBe("complete -o default -F _tailrace tailrace");
    return lines;
  }

  test("bash gets the part of a word behind its colon, or the whole where a colon breaks none", async () => {
    expect(await bash("tailrace drains:re")).toEqual(["remove", "resume", "replay"]);
    expect(await bash("tailrace drains:re", "NO_COLON")).toEqual([
      "drains:remove",
      "drains:resume",
      "drains:replay",
    ]);
    expect(await bash("tailrace logs --level=wa")).toEqual(["warning"]);
    expect(await bash("tailrace logs -a shop-")).toEqual(["shop-web", "shop-api"]);
  });

  const asked = async (...words: string[]) =>
    (await runCli(["__complete", ...words], cliEnvironment(server))).stdout;

  test("zsh gets descriptions behind a colon, and colons escaped", async () => {
    expect(await asked("zsh", "drains:test")).toMatch(/^drains\\:test:[^:]+\n$/);
    expect(completionScripts.zsh).toMatch(/^#compdef tailrace\n/);
  });

  test("fish gets descriptions behind a tab", async () => {
    expect(await asked("fish", "logs", "-a", "bl")).toBe("blog\n");
    expect(await asked("fish", "shi")).toMatch(/^ship\t.+\n$/);
  });

  test("a server that is not there knows no names, and says nothing", async () => {
    const env = { TAILRACE_URL: "http://127.0.0.1:1", TAILRACE_API_KEY: "x" };
    expect(await runCli(["__complete", "fish", "logs", "-a", ""], env)).toEqual({
      status: 0,
      stdout: "",
      stderr: "",
    });
  });
});
