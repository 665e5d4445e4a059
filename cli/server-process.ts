/** Starts the server with the settings that suit it, most of which can be set only when a process starts. */
import { availableParallelism } from "node:os";
import { setFlagsFromString } from "node:v8";

/**
 * MiB for young objects. By default, V8 goes up to 32 MiB: a collection then stops everything for as long as it takes
 * to copy what many new connections have made, 50 ms and more, and takes that much more memory.
 */
const youngMiB = 2;

/**
 * Threads that compile and collect next to the one that serves. By default, V8 has four: on one processor, the serving
 * thread gets a fifth of it while they compile, and lines wait for that in the first seconds.
 */
const threads = Math.min(4, Math.max(1, availableParallelism() - 1));

/**
 * How many percent the heap may grow between full collections. By default, V8 decides by its rate of growth: a fifth if
 * little becomes old, so that it collects every second, and up to four times as much under load. With many drains it is
 * lowered (`src/drains/heap-growth.ts`).
 */
const growingPercent = 200;

const youngArg = `--max-semi-space-size=${youngMiB}`;

/**
 * By default, V8 remembers which code made objects that lived long, and puts all its later objects straight among the
 * old ones. During a server's first tenths of a second this learns that batches and parcels live long, and for the rest
 * of its life they wait for a full collection, though they are garbage within milliseconds.
 */
const youngAtFirst = "--no-allocation-site-pretenuring";

/** The arguments for a Node that is about to run a server. */
export const v8Args: readonly string[] = [
  youngArg,
  `--v8-pool-size=${threads}`,
  `--heap-growing-percent=${growingPercent}`,
  youngAtFirst,
];

/**
 * How glibc gives out memory. By default it makes a place for each thread that asks while another does, and what is free
 * in one is of no use to the others: 20 MB more under load. And the system makes each 4 KiB of new memory when they are
 * first written, which can take 10 µs on a virtual machine, 20 ms for a body of 8 MB: it is asked for 2 MiB at a time.
 */
const memory = { MALLOC_ARENA_MAX: "2", GLIBC_TUNABLES: "glibc.malloc.hugetlb=1" };

/** The environment for a Node that is about to run a server. */
export const serverEnv = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({ ...memory, ...env });

/** The name of an option, whether it is given a value, switched on or off. */
const nameOf = (arg: string): string => arg.replace(/^--(no-)?/, "").replace(/=.*/, "");

/** The parts of `process` that are used. `execve` exists in Node from 22.15 on, but not on Windows. */
export type Starting = {
  readonly argv: readonly string[];
  readonly execPath: string;
  readonly execArgv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** A parent process that sends messages; the channel would not survive another start. */
  readonly channel?: unknown;
  readonly execve?: undefined | ((file: string, args: readonly string[], env: NodeJS.ProcessEnv) => never);
};

/**
 * Replaces this process by the same program with these options; process id and files stay. What somebody has set
 * stays, too. If the process cannot be replaced, nothing changes.
 */
export function startSuited(
  starting: Starting,
  setFlags: (flags: string) => void = setFlagsFromString,
): void {
  const { argv, execPath, execArgv, env, channel, execve } = starting;
  const said = [...execArgv, env.NODE_OPTIONS ?? ""].join(" ").replaceAll("_", "-");
  const missing = v8Args.filter((arg) => !said.includes(nameOf(arg)));
  if (missing.length === 0) return;
  if (execve !== undefined && channel === undefined)
    execve(execPath, [execPath, ...execArgv, ...missing, ...argv.slice(1)], serverEnv(env));
  else if (missing.includes(youngArg)) setFlags("--semi-space-growth-factor=1");
}
