/**
 * Ends a process group when this process has gone, in whatever way: nothing can run at the moment of a `kill -9`. A
 * small shell waits for the end of a pipe that only this process holds open; a word through the pipe releases the
 * shell.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Writable } from "node:stream";

const script = 'read -r group || exit 0; read -r word || kill -s KILL -- "-$group"';

export class Guardian {
  readonly #pipe: Writable;

  /** Starts the shell in a session of its own, so that whatever ends this process's group leaves it alone. */
  constructor() {
    const shell: ChildProcessByStdio<Writable, null, null> = spawn("/bin/sh", ["-c", script], {
      stdio: ["pipe", "ignore", "ignore"],
      detached: true,
      env: {},
    });
    shell.on("error", () => {}); // without a shell the group outlives a kill -9, and nothing else changes
    shell.unref();
    this.#pipe = shell.stdin;
    this.#pipe.on("error", () => {});
  }

  /** From now on the group ends with this process. */
  watch(group: number): void {
    this.#pipe.write(`${group}\n`);
  }

  /** The group has ended by itself; its number may soon be reused. */
  release(): void {
    this.#pipe.end("released\n");
  }
}
