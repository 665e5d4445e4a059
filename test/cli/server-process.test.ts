import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { type Starting, startSuited, v8Args } from "../../cli/server-process.ts";

class Replaced extends Error {}

/** What became of a start: the command line in its place, or the flags that were set, or neither. */
function outcome(more: Partial<Starting>): {
  readonly command?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly flags?: string;
} {
  let command: readonly string[] | undefined;
  let environment: NodeJS.ProcessEnv | undefined;
  let flags: string | undefined;
  const starting: Starting = {
    argv: ["/bin/node", "/app/main.js", "serve", "--dev"],
    execPath: "/bin/node",
    execArgv: [],
    env: {},
    execve: (_file, args, env) => {
      command = args;
      environment = env;
      throw new Replaced();
    },
    ...more,
  };
  try {
    startSuited(starting, (text) => (flags = text));
  } catch (cause) {
    if (!(cause instanceof Replaced)) throw cause;
  }
  return {
    ...(command && { command }),
    ...(environment && { env: environment }),
    ...(flags !== undefined && { flags }),
  };
}

describe("how a server asks V8 to run", () => {
  it("is said by the same program, once", () => {
    const { command } = outcome({ execArgv: ["--enable-source-maps"] });
    expect(command).toEqual([
      "/bin/node",
      "--enable-source-maps",
      ...v8Args,
      "/app/main.js",
      "serve",
      "--dev",
    ]);
    expect(outcome({ execArgv: command!.slice(1, 2 + v8Args.length) })).toEqual({});
  });

  it.each([
    { more: { execArgv: ["--max-semi-space-size=16"] }, said: 0 },
    { more: { execArgv: ["--max_semi_space_size=16"] }, said: 0 },
    { more: { env: { NODE_OPTIONS: "--trace-warnings --v8-pool-size=3" } }, said: 1 },
    { more: { execArgv: ["--heap-growing-percent", "50"] }, said: 2 },
    { more: { execArgv: ["--allocation-site-pretenuring"] }, said: 3 },
  ])("is what the operator says: $more", ({ more, said }) => {
    const { command = [] } = outcome(more);
    expect(command.filter((word) => v8Args.includes(word))).toEqual(v8Args.toSpliced(said, 1));
    const env = { NODE_OPTIONS: "--max-semi-space-size=8 --v8-pool-size=3" };
    expect(outcome({ env, execArgv: ["--heap-growing-percent=50", ...v8Args.slice(3)] })).toEqual({});
  });

  it("leaves glibc two places for memory, in large pages, or what the operator says", () => {
    const large = { GLIBC_TUNABLES: "glibc.malloc.hugetlb=1" };
    expect(outcome({ env: { HOME: "/" } }).env).toEqual({ HOME: "/", MALLOC_ARENA_MAX: "2", ...large });
    expect(outcome({ env: { MALLOC_ARENA_MAX: "8" } }).env).toEqual({ MALLOC_ARENA_MAX: "8", ...large });
    const env = { MALLOC_ARENA_MAX: "8", GLIBC_TUNABLES: "glibc.malloc.perturb=1" };
    expect(outcome({ env }).env).toEqual(env);
  });

  it.each([
    { name: "a Node that cannot", more: { execve: undefined } },
    { name: "a parent that sends messages", more: { channel: {} } },
  ])("is a heap that does not grow with $name", ({ more }) => {
    expect(outcome(more)).toEqual({ flags: "--semi-space-growth-factor=1" });
    expect(outcome({ ...more, execArgv: ["--max-semi-space-size=16"] })).toEqual({});
  });

  it("is a thread for each processor but the one that serves, of V8's four", () => {
    const program = "const { v8Args } = await import(process.argv[1]); console.log(v8Args[1])";
    const module = new URL("../../cli/server-process.ts", import.meta.url).href;
    const args = ["-c", "0", process.execPath, "--input-type=module", "-e", program, module];
    expect(execFileSync("taskset", args).toString().trim()).toBe("--v8-pool-size=1");
  });

  it.each([
    { args: v8Args, begin: "" },
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
