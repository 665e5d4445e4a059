import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { heapArgs, type Starting, startWithHeap } from "../../cli/server-heap.ts";

class Replaced extends Error {}

/** What became of a start: the command line in its place, or the flags that were set, or neither. */
function outcome(more: Partial<Starting>): { readonly command?: readonly string[]; readonly flags?: string } {
  let command: readonly string[] | undefined;
  let flags: string | undefined;
  const starting: Starting = {
    argv: ["/bin/node", "/app/main.js", "serve", "--dev"],
    execPath: "/bin/node",
    execArgv: [],
    env: {},
    execve: (_file, args) => {
      command = args;
      throw new Replaced();
    },
    ...more,
  };
  try {
    startWithHeap(starting, (text) => (flags = text));
  } catch (cause) {
    if (!(cause instanceof Replaced)) throw cause;
  }
  return { ...(command && { command }), ...(flags !== undefined && { flags }) };
}

describe("the heap of a server", () => {
  it("is asked for by the same program, once", () => {
    const { command } = outcome({ execArgv: ["--enable-source-maps"] });
    expect(command).toEqual([
      "/bin/node",
      "--enable-source-maps",
      ...heapArgs,
      "/app/main.js",
      "serve",
      "--dev",
    ]);
    expect(outcome({ execArgv: command!.slice(1, 3) })).toEqual({});
  });

  it.each([
    { execArgv: ["--max-semi-space-size=16"] },
    { execArgv: ["--max_semi_space_size=16"] },
    { env: { NODE_OPTIONS: "--trace-warnings --max-semi-space-size=8" } },
  ])("is what the operator says: %j", (more) => {
    expect(outcome(more)).toEqual({});
  });

  it.each([
    { name: "a Node that cannot", more: { execve: undefined } },
    { name: "a parent that sends messages", more: { channel: {} } },
  ])("does not grow with $name", ({ more }) => {
    expect(outcome(more)).toEqual({ flags: "--semi-space-growth-factor=1" });
  });

  it.each([
    { args: heapArgs, begin: "" },
    { args: [], begin: 'process.getBuiltinModule("v8").setFlagsFromString("--semi-space-growth-factor=1");' },
  ])("is taken by V8: $args$begin", ({ args, begin }) => {
    const program = `${begin}
      const kept = [];
      for (let i = 0; i < 1e6; i++) kept[i % 1e5] = { i };
      const { space_size } = process.getBuiltinModule("v8").getHeapSpaceStatistics().find((s) => s.space_name === "new_space");
      console.log(space_size >> 20);`;
    const youngMiB = Number(execFileSync(process.execPath, [...args, "-e", program]).toString());
    expect(youngMiB).toBeLessThanOrEqual(4); // two halves
    expect(youngMiB).toBeGreaterThan(0);
  });
});
