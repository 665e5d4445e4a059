/** Wrong use of a command says what to write instead. */

import type { Command } from "commander";
import { beforeAll, describe, expect, test } from "vitest";
import { ListedArgument, listOf } from "../../cli/listed.ts";
import { explainAsJson } from "../../cli/output.ts";
import { readingCommands } from "../../cli/unknown-command.ts";
import { otherWords } from "../../cli/use-hints.ts";
import { wholeProgram } from "../support/man-page.ts";

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
  [["keys:create", "shop"], "An app is named by --app."],
  [["drains", "shop"], "An app is named by -a."],
  [["drains", "-a", "shop", "blog"], ""],
])("of words too many (%j) it is said what they may be", async (words, hint) => {
  expect(await mendOf(...words)).toBe(hint);
});

test("logs knows the words of other tools, none of which is its own", async () => {
  const { options } = commands.find((command) => command.name() === "logs")!;
  const own = options.flatMap(({ long, short }) => [long, short]);
  for (const [other, ours] of Object.entries(otherWords)) {
    expect(await mendOf("logs", other)).toBe(`${other} is ${ours} here.`);
    expect(own).not.toContain(other);
    if (ours.startsWith("-")) expect(own).toContain(ours);
  }
  expect(await mendOf("logs", "--grep=x")).toBe("--grep is --match here.");
  expect(await mendOf("drains", "--ps")).toBe("");
});
