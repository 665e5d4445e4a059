/** Runs the command line from its sources, as a process of its own. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** The command line's own file. */
export const mainFile = fileURLToPath(new URL("../../cli/main.ts", import.meta.url));

/** What is in a command's environment: nothing of the tester's own but PATH. */
export const cliEnvironment = (
  server: { readonly url: string; readonly key: string } | undefined,
  more: Record<string, string> = {},
): Record<string, string> => ({
  PATH: process.env.PATH ?? "",
  ...(server && { TAILRACE_URL: server.url, TAILRACE_API_KEY: server.key }),
  ...more,
});

/** Starts `tailrace ARGS`. */
export function startCli(
  args: readonly string[],
  env: Record<string, string>,
): ChildProcessWithoutNullStreams {
  return spawn(process.execPath, [mainFile, ...args], { env });
}

/** What a finished command left. */
export type Finished = { readonly status: number | null; readonly stdout: string; readonly stderr: string };

/** Waits until a command has printed `text` to its standard output. */
export async function printed(child: ChildProcessWithoutNullStreams, text: string): Promise<void> {
  let newest = "";
  const read = new Promise<void>((resolve) =>
    child.stdout.setEncoding("utf8").on("data", (more: string) => {
      newest = newest.slice(-text.length) + more;
      if (newest.includes(text)) resolve();
    }),
  );
  const ended = once(child, "close").then(() => {
    throw new Error(`it ended without printing ${text}; it printed in the end:\n${newest}`);
  });
  await Promise.race([read, ended]);
}

/** Waits for a command to end. */
export async function finished(child: ChildProcessWithoutNullStreams): Promise<Finished> {
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text) => (stderr += text));
  const [status] = await once(child, "close");
  return { status, stdout, stderr };
}

/** Runs `tailrace ARGS` to its end with `input` on its standard input. */
export function runCli(
  args: readonly string[],
  env: Record<string, string>,
  input: string | Uint8Array = "",
): Promise<Finished> {
  const child = startCli(args, env);
  child.stdin.on("error", () => {}); // a command that fails does not read its input
  child.stdin.end(input);
  return finished(child);
}
