/** Wrong use of a command says what to write instead. */

import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { beforeAll, describe, expect, test } from "vitest";
import { ListedArgument, listOf } from "../../cli/listed.ts";
import { missingCommands, otherCommands } from "../../cli/other-commands.ts";
import { explainAsJson } from "../../cli/output.ts";
import { hintAtCommand, readingCommands } from "../../cli/unknown-command.ts";
import { otherWords } from "../../cli/use-hints.ts";
import { wholeProgram } from "../support/man-page.ts";

const herokuManifest = new URL("../heroku/node_modules/heroku/oclif.manifest.json", import.meta.url);

let commands: readonly Command[];
beforeAll(async () => {
  commands = (await wholeProgram()).commands;
});

/** The remedy for such words, without the line that all have. */
async function mendOf(...words: string[]): Promise<string> {
  let thrown: unknown;
  try {
    (await wholeProgram()).parse(words, { from: "user" });
  } catch (error) {
    thrown = error;
  }
  const { error } = JSON.parse(explainAsJson(thrown).text);
  const [, hint = ""] = /^(?:([\s\S]*)\n)?Add --help to see how the command is used\.$/.exec(error.mend)!;
  return hint;
}

describe("an argument that is missing", () => {
  test("is explained by every command that needs one, and what can be listed is listed", async () => {
    const found: Record<string, string> = {};
    for (const command of commands) {
      if (command.name() === "__complete" || !command.registeredArguments[0]?.required) continue;
      const needed = command.options
        .filter(({ mandatory }) => mandatory)
        .flatMap(({ long }) => [long!, "1h"]);
      found[command.name()] = await mendOf(command.name(), ...needed);
    }
    const drain = 'drain: its token (d.…), id or URL; "tailrace drains" lists them.';
    const addon = 'addon: its name or id, or with -a its service; "tailrace addons" lists them.';
    const key = `id: the key's id; "tailrace keys" lists them.`;
    expect(found).toEqual({
      run: "command: the command and its arguments, behind --.",
      "apps:destroy": 'name: the app, by name or id; "tailrace apps" lists them.',
      "tokens:create": "source: the name that lines sent with it carry, as in app[web.1].",
      "tokens:revoke": 'token: t.… as it is listed; "tailrace tokens -a APP" lists them.',
      "drains:add": "url: https://, http://, syslog:// or syslog+tls://.",
      "drains:info": drain,
      "drains:remove": drain,
      "drains:update": drain,
      "drains:pause": drain,
      "drains:resume": drain,
      "drains:replay": drain,
      "drains:test": drain,
      "addons:create":
        'plan: service:plan as papertrail:choklad, or papertrail for its default plan; "tailrace addons:services" lists them.',
      "addons:info": addon,
      "addons:upgrade": addon,
      "addons:plans": 'service: its name; "tailrace addons:services" lists them.',
      "addons:destroy": addon,
      import: "platform: where they are (heroku).",
      stop: 'dyno: as web.1, or web; "tailrace ps -a APP" lists them.',
      "config:get": 'name: as GREETING; "tailrace config -a APP" lists them.',
      "config:set": "name=value: as GREETING=hello; several may be set at once.",
      "config:unset": 'name: as GREETING; several may go at once; "tailrace config -a APP" lists them.',
      "keys:update": key,
      "keys:revoke": key,
      completion: "shell: your shell (bash, zsh, fish).",
    });
  });

  test("is listed of the app that is named", async () => {
    expect(await mendOf("drains:info", "-a", "shop")).toContain('"tailrace drains -a shop"');
    expect(await mendOf("stop", "-a", "shop")).toContain('"tailrace ps -a shop"');
  });

  test("is listed by commands that there are and that change nothing", async () => {
    const kinds = commands.flatMap(({ registeredArguments }) =>
      registeredArguments.flatMap((one) => (one instanceof ListedArgument ? [one.kind] : [])),
    );
    for (const kind of kinds) {
      const [, name = "", ...words] = listOf(kind, "shop").split(" ");
      const command = commands.find((one) => one.name() === name);
      expect([...readingCommands, "addons:services"], kind).toContain(name);
      expect(words.length === 0 || command?.options.some(({ short }) => short === words[0]), kind).toBe(true);
    }
  });
});

test("an option that is missing is explained", async () => {
  expect(await mendOf("drains:replay", "d.1")).toMatch(/^--since: 10m, .+ time\.$/);
});

test.each([
  [["logs", "shop"], "An app is named by -a. A pattern to look for is given by --match."],
  [["logs", "-a", "shop", "boom"], "A pattern to look for is given by --match."],
  [["apps:destroy", "shop", "blog"], ""],
  [["keys:create", "shop"], "An app is named by -a."],
  [["drains", "shop"], "An app is named by -a."],
  [["drains", "-a", "shop", "blog"], ""],
  [["drains", "add", "https://h/"], 'Write "tailrace drains:add".'],
  [["apps", "delete", "shop"], 'Write "tailrace apps:destroy".'],
  [["ps", "scale", "web=2"], 'Write "tailrace scale".'],
])("of words too many (%j) it is said what they may be", async (words, hint) => {
  expect(await mendOf(...words)).toBe(hint);
});

test.each([["--tail", "20"], ["-f", "20"], ["--tail=20"], ["--follow=20"], ["-20"], ["-f20"]])(
  "a number of lines where other tools take it (%j): -n is named",
  async (...words) => {
    expect(await mendOf("logs", "-a", "shop", ...words)).toBe("How many lines is said by -n: write -n 20.");
  },
);

test("every command takes -a, or says what to do without it", async () => {
  const without: Record<string, string> = {};
  for (const command of commands) {
    if (command.name() === "__complete") continue;
    const app = command.options.find(({ long }) => long === "--app");
    if (app === undefined) without[command.name()] = await mendOf(command.name(), "-a", "shop");
    else expect(app.short, command.name()).toBe("-a");
  }
  const named = (command: string) => `The app is named without -a: tailrace ${command} NAME.`;
  const unnamed = "This is not about one app: leave -a out.";
  expect(without).toEqual({
    apps: unnamed,
    "apps:create": named("apps:create"),
    "apps:destroy": named("apps:destroy"),
    "addons:services": unnamed,
    "addons:plans": unnamed,
    serve: unnamed,
    doctor: unnamed,
    sources: unnamed,
    keys: unnamed,
    "keys:revoke": unnamed,
    completion: unnamed,
  });
});

describe("another tool's name of a command", () => {
  /** The commands, and options of the program, that a hint names. */
  const namedIn = (hint: string) => [...hint.matchAll(/"tailrace ([^"]+)"/g)].map(([, words = ""]) => words);
  const hintAt = async (name: string) =>
    (await mendOf(name)) ||
    hintAtCommand(
      name,
      commands.map((command) => command.name()),
    );

  test("is no name of ours, and leads to commands that there are", async () => {
    const program = await wholeProgram();
    const names = commands.map((command) => command.name());
    for (const other of [...Object.keys(otherCommands), ...Object.keys(missingCommands)]) {
      expect(names).not.toContain(other);
      for (const words of namedIn((await hintAt(other)) ?? "")) {
        const [name = "", ...options] = words.split(" ");
        const command = name.startsWith("-") ? program : commands.find((one) => one.name() === name);
        expect(command, words).toBeDefined();
        const own = command!.options.map(({ long }) => long);
        for (const option of name.startsWith("-") ? [name] : options) expect(own, words).toContain(option);
      }
    }
  });

  test.each([
    ["ps:scale", "scale"],
    ["ps:restart", "restart"],
    ["ps:stop", "stop"],
    ["apps:delete", "apps:destroy"],
    ["keys:delete", "keys:revoke"],
    ["tokens:add", "tokens:create"],
    ["drains:create", "drains:add"],
    ["drains:stop", "drains:pause"],
    ["drains:set", "drains:update"],
    ["tail", "logs --tail"],
    ["create", "apps:create"],
    ["run:detached", "run"],
    ["version", "--version"],
  ])("%s is %s", async (other, ours) => {
    expect(await hintAt(other)).toBe(`${other} is "tailrace ${ours}" here.`);
  });

  test("is not taken for a mistyped one", async () => {
    const meant = (names: readonly string[]) => names.filter((name) => !name.includes(":"));
    const { commands: herokus } = JSON.parse(readFileSync(herokuManifest, "utf8"));
    const all = Object.entries(herokus as Record<string, { aliases?: string[] }>);
    const guessed: string[] = [];
    for (const name of meant(all.flatMap(([one, { aliases = [] }]) => [one, ...aliases]))) {
      if (commands.some((command) => command.name() === name)) continue;
      const hint = (await hintAt(name)) ?? "";
      if (hint.startsWith("Did you mean")) guessed.push(`${name}: ${hint}`);
    }
    expect(guessed).toEqual([]);
  });
});

test("logs knows the words of other tools, none of which is its own", async () => {
  const { options } = commands.find((command) => command.name() === "logs")!;
  const own = options.flatMap(({ long, short }) => [long, short]);
  for (const [other, ours] of Object.entries(otherWords)) {
    expect(await mendOf("logs", other)).toBe(`${other} is ${ours} here.`);
    expect(own).not.toContain(other);
    if (ours.startsWith("-")) expect(own).toContain(ours.split(" ")[0]);
  }
  expect(otherWords).toMatchObject({ "-i": "(?i) before a pattern", "--utc": "--time utc" });
  expect(await mendOf("logs", "--grep=x")).toBe("--grep is --match here.");
  expect(await mendOf("drains", "--ps")).toBe("");
});
