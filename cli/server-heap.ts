/** The server asks V8 for a small heap of young objects, which V8 takes at the start of a process only. */
import { setFlagsFromString } from "node:v8";

/**
 * MiB that hold young objects. By itself V8 goes up to 32 MiB: a collection then stops everything for as long as it takes to
 * copy what many new connections have made, 50 ms and more, and so much memory more is held.
 */
const youngMiB = 2;
const option = "--max-semi-space-size";

/** For a Node that is about to run a server. */
export const heapArgs: readonly string[] = [`${option}=${youngMiB}`];

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
 * Puts the same program with these options in the place of this one, process id and files unchanged. Where that cannot be
 * done, young objects keep the megabyte that they have.
 */
export function startWithHeap(
  starting: Starting,
  setFlags: (flags: string) => void = setFlagsFromString,
): void {
  const { argv, execPath, execArgv, env, channel, execve } = starting;
  const isAsked = [...execArgv, env.NODE_OPTIONS ?? ""].some((words) =>
    words.replaceAll("_", "-").includes(option),
  );
  if (isAsked) return;
  if (execve === undefined || channel !== undefined) setFlags("--semi-space-growth-factor=1");
  else execve(execPath, [execPath, ...execArgv, ...heapArgs, ...argv.slice(1)], env);
}
