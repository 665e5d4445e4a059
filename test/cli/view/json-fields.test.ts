/** The fields of `logs --json` are the same in the help, in docs/reading.md, and on the wire. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { wholeProgram } from "../../support/man-page.ts";

test("the help and the manual name the same fields", async () => {
  const page = readFileSync(new URL("../../../docs/reading.md", import.meta.url), "utf8");
  const row = /^\| `--json` \| an object a line: (.*) \|$/m.exec(page)![1]!;
  const inManual = [...row.matchAll(/`([a-z]+)`/g)].map(([, name]) => name!);
  expect(inManual.at(-1)).toBe("app"); // of several apps only
  const logs = (await wholeProgram()).commands.find((command) => command.name() === "logs")!;
  const help = logs.options.find(({ long }) => long === "--json")!.description;
  expect(help).toBe(`one JSON object a line: ${inManual.slice(0, -1).join(", ")}`);
});
