/**
 * A real process as a dyno: started in a process group of its own, its output handed out as it comes, its state
 * changes told in Heroku's words, its signals passed on. The group ends with the process, and with this one.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import type { Readable } from "node:stream";
import { codeOf } from "../errors.ts";
import { Guardian } from "./guardian.ts";
import { closeWriters, openOutputPipes } from "./output-pipes.ts";

export type DynoOptions = {
  readonly command: string;
  readonly args: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  /** Output as it comes; the process waits while a promise is pending. */
  readonly onOutput: (stream: "stdout" | "stderr", chunk: Buffer) => Promise<void> | undefined;
  /** No more output will come. */
  readonly onOutputEnd: () => void;
  /** A state change in Heroku's words (docs/spec/wire-in.md#w6-3). */
  readonly onState: (text: string) => void;
};

/** The end of the process. `missing` says why it could not be started at all. */
export type DynoEnd = { readonly status: number; readonly missing?: string };

/** A descendant that outlives the process and holds its output open is waited for this long. */
const outputMsMax = 2_000;

export class Dyno {
  readonly #options: DynoOptions;
  readonly #guardian = new Guardian();
  #child: ChildProcess | undefined;
  #streams: { readonly stdout: Readable; readonly stderr: Readable } | undefined;
  #stops = 0;
  /** Resolves when the process has ended and all its output was handed out. */
  readonly ended: Promise<DynoEnd>;

  constructor(options: DynoOptions) {
    this.#options = options;
    this.ended = this.#run().finally(() => this.#guardian.release());
  }

  /** Passes a signal on to the process and all its children; from the second stop on they are killed. */
  signal(signal: NodeJS.Signals): void {
    const { onState } = this.#options;
    this.#stops++;
    if (this.#stops === 2) onState("Stopping process with SIGKILL");
    if (this.#stops > 1) {
      this.#kill("SIGKILL");
      return;
    }
    onState(
      signal === "SIGHUP"
        ? "Client connection closed. Sending SIGHUP to all processes"
        : `Stopping all processes with ${signal}`,
    );
    this.#kill(signal);
  }

  /** Passes on a signal that asks for no end: to the process alone, as its children may not know the signal. */
  pass(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /**
   * To be called when nobody reads this stream any more: the process gets SIGPIPE when it writes there, as in any pipe.
   */
  closeStream(stream: "stdout" | "stderr"): void {
    this.#streams?.[stream].destroy();
  }

  async #run(): Promise<DynoEnd> {
    const { command, args, onState, onOutputEnd } = this.#options;
    onState(`Starting process with command \`${[command, ...args].join(" ")}\``);
    const { child, streams } = this.#spawn();
    this.#child = child;
    this.#streams = streams;
    if (child.pid !== undefined) this.#guardian.watch(child.pid);
    try {
      await once(child, "spawn");
    } catch (error) {
      for (const stream of Object.values(streams)) stream.destroy();
      onOutputEnd();
      return this.#notStarted(error);
    }
    onState("State changed from starting to up");
    const exited = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
    const output = Promise.all([
      this.#read("stdout", streams.stdout, exited),
      this.#read("stderr", streams.stderr, exited),
    ]);
    const [code, signal] = await exited;
    this.#kill("SIGKILL"); // a dyno ends with its process
    const timer = setTimeout(() => {
      for (const stream of Object.values(streams)) stream.destroy();
    }, outputMsMax);
    await output;
    clearTimeout(timer);
    onOutputEnd();
    const status = code ?? 128 + constants.signals[signal!];
    onState(`Process exited with status ${status}`);
    onState(`State changed from up to ${status === 0 || this.#stops > 0 ? "complete" : "crashed"}`);
    return { status };
  }

  #spawn() {
    const { command, args, environment } = this.#options;
    const pipes = openOutputPipes();
    const child = spawn(command, args, {
      env: environment,
      stdio: ["inherit", ...(pipes?.map(({ writer }) => writer) ?? ["pipe" as const, "pipe" as const])],
      detached: true, // a group of its own, so that a signal reaches what the process started
    });
    if (pipes !== undefined) closeWriters(pipes);
    const streams = {
      stdout: pipes?.[0].reader ?? child.stdout!,
      stderr: pipes?.[1].reader ?? child.stderr!,
    };
    return { child, streams };
  }

  #notStarted(error: unknown): DynoEnd {
    const { command, onState } = this.#options;
    const code = codeOf(error);
    const status = code === "ENOENT" ? 127 : 126;
    const missing =
      code === "ENOENT" ? `There is no command "${command}"` : `"${command}" cannot be started (${code})`;
    onState(`Process exited with status ${status}`);
    onState("State changed from starting to crashed");
    return { status, missing };
  }

  /** Once the process has exited there is nobody to hold: what it left in the pipe is taken at once. */
  async #read(name: "stdout" | "stderr", stream: Readable, exited: Promise<unknown>): Promise<void> {
    try {
      for await (const chunk of stream) {
        const held = this.#options.onOutput(name, chunk);
        if (held !== undefined) await Promise.race([held, exited]);
      }
    } catch {
      // Closed by `closeStream` or at the end: whatever was read has been handed out.
    }
  }

  #kill(signal: NodeJS.Signals): void {
    const pid = this.#child?.pid;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // True when nobody is left in the group.
    }
  }
}
