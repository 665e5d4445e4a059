/** A process that appends to a folder until it is killed: `test/engines/embedded-process.ts`. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Failed, Room, Said } from "../engines/embedded-process.ts";

const script = fileURLToPath(new URL("../engines/embedded-process.ts", import.meta.url));

export type WriterOptions = {
  readonly batchBytes: number;
  /** Batches that are appended at the same time. */
  readonly together: number;
  readonly room?: Room;
  /** The largest file that it may write. */
  readonly fileKiBMax?: number;
};

export class Writer {
  readonly said: Said[] = [];
  /** What it said on its error output, where LMDB tells of writes that fail. */
  errors = "";
  readonly child: ChildProcess;

  constructor(folder: string, { batchBytes, together, room = {}, fileKiBMax }: WriterOptions) {
    // Counted in blocks of 512 bytes.
    const limit = fileKiBMax === undefined ? "" : `ulimit -S -f ${fileKiBMax * 2}; `;
    const args = [folder, String(batchBytes), String(together), JSON.stringify(room)];
    const command = ["-c", `${limit}exec "$@"`, "sh", process.execPath, "--no-warnings", script, ...args];
    this.child = spawn("sh", command, { stdio: ["ignore", "pipe", "pipe"] });
    createInterface({ input: this.child.stdout! }).on("line", (line) => this.said.push(JSON.parse(line)));
    this.child.stderr!.on("data", (data) => {
      this.errors += data;
    });
  }

  /** Numbers of the batches that were acknowledged. */
  get stored(): number[] {
    return this.said.flatMap((what) => (typeof what === "object" && "stored" in what ? [what.stored] : []));
  }

  get failed(): Failed[] {
    return this.said.flatMap((what) => (typeof what === "object" && "failed" in what ? [what] : []));
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  async kill(): Promise<void> {
    if (!this.isRunning) return;
    this.child.kill("SIGKILL");
    await once(this.child, "close");
  }
}
