/**
 * A real process in a process group of its own, with real pipes for its output. The group ends with the process, and
 * also with this program, however that ends.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import type { Readable } from "node:stream";
import { Guardian } from "./guardian.ts";
import { closeWriters, openOutputPipes } from "./output-pipes.ts";

export type OutputName = "stdout" | "stderr";

export type ChildOptions = {
  readonly command: string;
  readonly args: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  readonly folder?: string;
  readonly stdin: "inherit" | "ignore";
  /** After a signal, the rest of the group may end in its own time: it is not killed with its first process. */
  readonly endsTogether?: boolean;
  /** Gets output as it comes; the process waits while a promise is pending. */
  readonly onOutput: (stream: OutputName, chunk: Buffer) => Promise<void> | undefined;
};

/** How long to wait for a descendant that outlives the process and keeps its output open. */
const outputMsMax = 2_000;

export class ChildGroup {
  readonly #options: ChildOptions;
  readonly #guardian = new Guardian();
  readonly #child: ChildProcess;
  /** Aborted when the group is killed. */
  readonly #killed = new AbortController();
  #isSignalled = false;
  readonly #streams: { readonly [Name in OutputName]: Readable };
  /** Resolves when the process runs; rejects if it cannot be started. */
  readonly started: Promise<void>;
  /** Resolves to the exit status once the group has ended and all output has been passed on; rejects like `started`. */
  readonly ended: Promise<number>;

  constructor(options: ChildOptions) {
    this.#options = options;
    const { child, streams } = this.#spawn();
    this.#child = child;
    this.#streams = streams;
    if (child.pid !== undefined) this.#guardian.watch(child.pid);
    this.started = once(child, "spawn").then(() => {});
    this.ended = this.#run().finally(() => this.#guardian.release());
    this.ended.catch(() => {}); // reported by `started`
  }

  /** The number of the process and of its group; undefined if it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Sends a signal to all processes of the group. */
  kill(signal: NodeJS.Signals): void {
    const { pid } = this.#child;
    this.#isSignalled = true;
    if (signal === "SIGKILL") this.#killed.abort();
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // Nobody is left in the group.
    }
  }

  /** Sends a signal only to the process itself. */
  pass(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /**
   * Call it when nobody reads this stream any more: like in any pipe, the process gets SIGPIPE when it writes there.
   */
  closeStream(name: OutputName): void {
    this.#streams[name].destroy();
  }

  async #run(): Promise<number> {
    try {
      await this.started;
    } catch (error) {
      this.#closeStreams();
      throw error;
    }
    const exited = once(this.#child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
    const output = Promise.all([this.#read("stdout"), this.#read("stderr")]);
    const [code, signal] = await exited;
    // A shell ends at once although the program that it started is still running; the output shows when that has ended.
    if (this.#options.endsTogether && this.#isSignalled) await settledOrAborted(output, this.#killed.signal);
    this.kill("SIGKILL"); // a dyno ends with its process
    const timer = setTimeout(() => this.#closeStreams(), outputMsMax);
    await output;
    clearTimeout(timer);
    return code ?? 128 + constants.signals[signal!];
  }

  // Throws for variables that are too long together, or have a NUL, and leaves nothing open.
  #spawn() {
    const { command, args, environment, folder, stdin } = this.#options;
    const pipes = openOutputPipes();
    let child: ChildProcess;
    try {
      child = spawn(command, args, {
        env: environment,
        ...(folder !== undefined && { cwd: folder }),
        stdio: [stdin, ...(pipes?.map(({ writer }) => writer) ?? ["pipe" as const, "pipe" as const])],
        detached: true, // a group of its own, so that a signal reaches everything that the process started
      });
    } catch (error) {
      for (const { reader } of pipes ?? []) reader.destroy();
      this.#guardian.release();
      throw error;
    } finally {
      if (pipes !== undefined) closeWriters(pipes);
    }
    const streams = {
      stdout: pipes?.[0].reader ?? child.stdout!,
      stderr: pipes?.[1].reader ?? child.stderr!,
    };
    return { child, streams };
  }

  /** Once the group has been killed, there is nobody to hold back: what is left in the pipe is read at once. */
  async #read(name: OutputName): Promise<void> {
    try {
      for await (const chunk of this.#streams[name]) {
        const held = this.#options.onOutput(name, chunk);
        if (held !== undefined) await settledOrAborted(held, this.#killed.signal);
      }
    } catch {
      // Closed by `closeStream` or at the end: everything that was read has been passed on.
    }
  }

  #closeStreams(): void {
    for (const stream of Object.values(this.#streams)) stream.destroy();
  }
}

/** Leaves no listener behind. */
async function settledOrAborted(promise: Promise<unknown>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve, reject) => {
    const onAbort = () => resolve();
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(() => resolve(), reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
