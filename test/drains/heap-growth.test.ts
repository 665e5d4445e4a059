import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { v8Args } from "../../cli/server-process.ts";
import { HeapGrowth, manyDrains } from "../../src/drains/heap-growth.ts";

/** The flags that V8 is given while so many drains start, and then end. */
function told(drains: number, args: readonly string[]): string[] {
  const flags: string[] = [];
  const growth = new HeapGrowth(args, (flag) => flags.push(flag));
  for (let i = 0; i < drains; i++) growth.add();
  for (let i = 0; i < drains; i++) growth.remove();
  return flags;
}

test("the heap of a server grows by half while many drains run, and as before when they are gone", () => {
  const [few] = v8Args.filter((arg) => arg.startsWith("--heap-growing-percent="));
  expect(told(2 * manyDrains, v8Args)).toEqual(["--heap-growing-percent=35", few]);
  expect(told(manyDrains - 1, v8Args)).toEqual([]);
});

test.each([[[]], [["--heap-growing-percent=100"]]])(
  "a server that was started with %j is left alone",
  (args) => {
    expect(told(2 * manyDrains, args)).toEqual([]);
  },
);

/** The number of times that V8 collects all of a heap whose objects live long, beside so many drains. */
function fullCollections(drains: number): number {
  const program = `
    const { HeapGrowth } = await import(process.argv[1]);
    const growth = new HeapGrowth();
    for (let i = 0; i < ${drains}; i++) growth.add();
    const kept = [];
    for (let i = 0; i < 6e6; i++) kept[i % 4e5] = { i };`;
  const module = new URL("../../src/drains/heap-growth.ts", import.meta.url).href;
  const args = ["--trace-gc", ...v8Args, "--input-type=module", "-e", program, module];
  return (
    execFileSync(process.execPath, args)
      .toString()
      .match(/Mark-Compact/g)?.length ?? 0
  );
}

test("V8 takes it while it runs", () => {
  expect(fullCollections(manyDrains)).toBeGreaterThan(fullCollections(manyDrains - 1));
});
