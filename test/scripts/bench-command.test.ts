/** `npm run bench` explains its arguments, and refuses what it does not know before it measures. */
import { describe, expect, test } from "vitest";
// @ts-expect-error a script without types
import { benchCommand } from "../../scripts/lib/bench-command.mjs";

function ask(...args: string[]) {
  const asked: unknown[] = [];
  let out = "";
  const bench = benchCommand({
    table: () => asked.push("table"),
    attacks: (options: unknown) => asked.push("attacks", options),
    usedMemory: (options: unknown) => asked.push("used-memory", options),
  });
  for (const command of [bench, ...bench.commands])
    command.exitOverride().configureOutput({
      writeOut: (text: string) => (out += text),
      writeErr: (text: string) => (out += text),
    });
  try {
    bench.parse(args, { from: "user" });
  } catch (error) {
    return { asked, out, code: (error as { code: string }).code };
  }
  return { asked, out, code: undefined };
}

describe("npm run bench", () => {
  test.each([
    [[], ["table"]],
    [["--full"], ["table"]],
    [["routers", "tcp", "--rounds", "2"], ["table"]],
    [["parts", "--full"], ["table"]],
    [
      ["attacks", "UDP"],
      ["attacks", { rounds: 1, seconds: 4 }],
    ],
    [
      ["attacks", "--nats", "--rounds", "3", "--seconds", "20", "--node", "--cpu-prof"],
      ["attacks", { nats: true, rounds: 3, seconds: 20, node: "--cpu-prof" }],
    ],
    [
      ["used-memory", "--nats"],
      ["used-memory", { nats: true, seconds: 60 }],
    ],
  ])("%j", (args, asked) => {
    expect(ask(...args)).toEqual({ asked, out: "", code: undefined });
  });

  test.each([
    ["--help", "commander.helpDisplayed", "attacks"],
    ["routers --help", "commander.helpDisplayed", "--rounds"],
    ["--ful", "commander.unknownOption", "--full"],
    ["attack", "commander.unknownCommand", "error: unknown command 'attack'\n(Did you mean attacks?)"],
    [
      "nosuch",
      "commander.unknownCommand",
      "error: unknown command 'nosuch'\n\nUsage: npm run bench -- [options] [command]",
    ],
    ["routers --rounds some", "commander.invalidArgument", "whole number"],
    ["attacks --minutes 3", "commander.unknownOption", "--minutes"],
  ])("%s is not measured", (line, code, word) => {
    const answer = ask(...line.split(" "));
    expect(answer).toMatchObject({ asked: [], code });
    expect(answer.out).toContain(word);
  });
});
