/** Every example of README.md, run in order; how a page writes them is said in support/examples.ts. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ExampleRun } from "./support/example-run.ts";
import { examplesIn } from "./support/examples.ts";
import { readText } from "./support/sources.ts";

describe("README.md", () => {
  const page = readText("README.md");
  const examples = examplesIn(page);
  let run: ExampleRun;

  beforeAll(async () => {
    run = await ExampleRun.open(page);
  });
  afterAll(() => run.close(), 60_000);

  test("has examples", () => {
    expect(examples.filter(({ kind }) => kind === "sh").length).toBeGreaterThan(3);
  });

  for (const example of examples) {
    const first = example.body.trim().split("\n")[0];
    test(`line ${example.line}: ${first}`, () => run.follow(example), 90_000);
  }
});
