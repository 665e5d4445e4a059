/** A real syslog daemon that follows a file and sends its lines on. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** How a program is started in a folder of its own, where it finds `in`, the file to follow, and `config`. */
type FileSenderProgram = {
  readonly name: string;
  readonly binary: string;
  readonly config: (folder: string) => string;
  readonly args: (folder: string) => readonly string[];
};

export class FileSender {
  readonly #folder: string;
  readonly #child: ChildProcess;
  /** Everything that it said. */
  said = "";

  private constructor(folder: string, child: ChildProcess) {
    this.#folder = folder;
    this.#child = child;
    for (const stream of [child.stdout!, child.stderr!]) stream.on("data", (data) => (this.said += data));
  }

  static async start({ name, binary, config, args }: FileSenderProgram): Promise<FileSender> {
    const folder = await mkdtemp(join(tmpdir(), `tailrace-${name}-sender-`));
    await writeFile(join(folder, "in"), "");
    await writeFile(join(folder, "config"), config(folder));
    return new FileSender(folder, spawn(binary, args(folder), { stdio: ["ignore", "pipe", "pipe"] }));
  }

  write(lines: readonly string[]): Promise<void> {
    return appendFile(join(this.#folder, "in"), lines.map((line) => `${line}\n`).join(""));
  }

  async close(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.pid !== undefined) {
      const gone = once(this.#child, "exit");
      this.#child.kill("SIGKILL");
      await gone;
    }
    await rm(this.#folder, { recursive: true, force: true });
  }
}
