/**
 * The pipes to which a dyno writes its output. Node gives its children sockets; on those, `/dev/stdout` cannot be
 * opened, and a reader that has gone causes no SIGPIPE. Programs expect real pipes.
 */
import { spawnSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, rmSync } from "node:fs";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

type OutputPipe = {
  readonly reader: Socket;
  /** The child's end, to be closed here once the child has it. */
  readonly writer: number;
};

/** Two pipes without a name in the file system; undefined if the system has no `mkfifo`. */
export function openOutputPipes(): readonly [OutputPipe, OutputPipe] | undefined {
  const folder = mkdtempSync(join(tmpdir(), "tailrace-run-"));
  try {
    const paths = [join(folder, "stdout"), join(folder, "stderr")] as const;
    if (spawnSync("mkfifo", ["-m", "600", ...paths]).status !== 0) return undefined;
    return [openPipe(paths[0]), openPipe(paths[1])];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Closes the child's ends here: a pipe ends when its last writer has gone. */
export function closeWriters(pipes: readonly OutputPipe[]): void {
  for (const { writer } of pipes) closeSync(writer);
}

function openPipe(path: string): OutputPipe {
  const readEnd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK); // does not wait for a writer
  const writer = openSync(path, constants.O_WRONLY);
  return { reader: new Socket({ fd: readEnd, readable: true, writable: false }), writer };
}
