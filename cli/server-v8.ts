/** Starts the server with a small young generation and few V8 threads, which V8 takes only when a process starts. */
import { availableParallelism } from "node:os";
import { setFlagsFromString } from "node:v8";

/**
 * MiB that hold young objects. By itself V8 goes up to 32 MiB: a collection then stops everything for as long as it takes to
 * copy what many new connections have made, 50 ms and more, and so much memory more is held.
 */
const youngMiB = 2;

/**
 * Threads that compile and collect beside the one that serves. By itself V8 has four: on one processor the one that serves
 * has a fifth of it while they compile, which is what lines wait for in the first seconds.
 */
const threads = Math.min(4, Math.max(1, availableParallelism() - 1));

/**
 * The heap grows by so many percent of what a full collection left, until the next one. By itself V8 goes by how fast it grows:
 * by a fifth where little becomes old, so that it collects every second, and to four times as much under load.
 */
const growingPercent = 200;

const youngArg = `--max-semi-space-size=${youngMiB}`;

/** For a Node that is about to run a server. */
export const v8Args: readonly string[] = [
  youngArg,
  `--v8-pool-size=${threads}`,
  `--heap-growing-percent=${growingPercent}`,
];

/** The parts of `process` that are looked at. `execve` is Node's from 22.15 on, and not on Windows. */
export type Starting = {
  readonly argv: readonly string[];
  readonly execPath: string;
  readonly execArgv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** A parent that sends messages; the channel would not outlast another start. */
  readonly channel?: unknown;
  readonly execve?: undefined | ((file: string, args: readonly string[], env: NodeJS.ProcessEnv) => never);
};

/**
 * Puts the same program with these options in the place of this one, process id and files unchanged; an option that somebody
 * set stays as it is. Where that cannot be done, young objects keep the megabyte that they have.
 */
export function startWithV8Args(
  starting: Starting,
  setFlags: (flags: string) => void = setFlagsFromString,
): void {
  const { argv, execPath, execArgv, env, channel, execve } = starting;
  const said = [...execArgv, env.NODE_OPTIONS ?? ""].join(" ").replaceAll("_", "-");
  const missing = v8Args.filter((arg) => !said.includes(arg.slice(0, arg.indexOf("="))));
  if (missing.length === 0) return;
  if (execve !== undefined && channel === undefined)
    execve(execPath, [execPath, ...execArgv, ...missing, ...argv.slice(1)], env);
  else if (missing.includes(youngArg)) setFlags("--semi-space-growth-factor=1");
}
