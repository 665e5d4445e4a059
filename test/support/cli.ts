/** Runs the command line as a process of its own. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { awaited } from "./until.ts";

/** The command line's own file. */
export const mainFile = fileURLToPath(new URL("../../cli/main.ts", import.meta.url));

/** The environment of a command. Of the tester's own it has only PATH. */
export const cliEnvironment = (
  server: { readonly url: string; readonly key: string } | undefined,
  more: Record<string, string> = {},
): Record<string, string> => ({
  PATH: process.env.PATH ?? "",
  ...(server && { TAILRACE_URL: server.url, TAILRACE_API_KEY: server.key }),
  ...more,
});

/** Where Node keeps what it has compiled: of each command most of the time would be that. */
const { NODE_COMPILE_CACHE } = process.env;
const compiled = NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE };

/** Starts `tailrace ARGS`, from its sources unless another file is named. */
export function startCli(
  args: readonly string[],
  env: Record<string, string>,
  file = mainFile,
): ChildProcessWithoutNullStreams {
  const child = spawn(process.execPath, [file, ...args], { env: { ...compiled, ...env } });
  gatheredOf(child);
  return child;
}

/** The output and exit status of a finished command. */
export type Finished = { readonly status: number | null; readonly stdout: string; readonly stderr: string };

/** What a command has printed, and its end. Both can be asked for after they came. */
type Gathered = { stdout: string; stderr: string; readonly ended: Promise<number | null> };
const gathered = new WeakMap<ChildProcessWithoutNullStreams, Gathered>();

/** Of a command that was started in this turn, or that was asked about before. */
function gatheredOf(child: ChildProcessWithoutNullStreams): Gathered {
  const known = gathered.get(child);
  if (known !== undefined) return known;
  const ended = once(child, "close").then(([status]) => status as number | null);
  const output: Gathered = { stdout: "", stderr: "", ended };
  child.stdout.setEncoding("utf8").on("data", (text) => (output.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text) => (output.stderr += text));
  gathered.set(child, output);
  return output;
}

/** Resolves when a command has printed `text` to its standard output, now or before. */
export async function printed(child: ChildProcessWithoutNullStreams, text: string): Promise<void> {
  const output = gatheredOf(child);
  let newest = output.stdout;
  const read = new Promise<"read">((resolve) => {
    const look = (more: string) => {
      newest += more;
      if (newest.includes(text)) resolve("read");
      newest = newest.slice(-text.length);
    };
    look("");
    child.stdout.on("data", look);
  });
  const said = () => `it printed no ${text}; it said:\n${output.stderr}`;
  if ((await awaited(Promise.race([read, output.ended]), said)) === "read") return;
  throw new Error(`it ended without printing ${text}; it said:\n${output.stderr}`);
}

/** Waits for a command to end. */
export async function finished(child: ChildProcessWithoutNullStreams): Promise<Finished> {
  const output = gatheredOf(child);
  const status = await output.ended;
  return { status, stdout: output.stdout, stderr: output.stderr };
}

/** Runs `tailrace ARGS` to its end with `input` on its standard input. */
export function runCli(
  args: readonly string[],
  env: Record<string, string>,
  input: string | Uint8Array = "",
  file = mainFile,
): Promise<Finished> {
  const child = startCli(args, env, file);
  child.stdin.on("error", () => {}); // a command that fails does not read its input
  child.stdin.end(input);
  return finished(child);
}
