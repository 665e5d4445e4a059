/**
 * The process of `run` as a dyno: its output is passed on as it comes, its state changes are reported in Heroku's
 * words, and signals are passed on to it.
 */
import { codeOf } from "../errors.ts";
import { ChildGroup, type ChildOptions, type OutputName } from "./child-group.ts";

type DynoOptions = Pick<ChildOptions, "command" | "args" | "environment" | "onOutput"> & {
  /** No more output will come. */
  readonly onOutputEnd: () => void;
  /** A state change in Heroku's words (docs/spec/wire-in.md#w6-3). */
  readonly onState: (text: string) => void;
};

/** The end of the process. `missing` says why it could not be started at all. */
type DynoEnd = { readonly status: number; readonly missing?: string };

export class Dyno {
  readonly #options: DynoOptions;
  readonly #group: ChildGroup;
  #stops = 0;
  /** Resolves when the process has ended and all its output has been passed on. */
  readonly ended: Promise<DynoEnd>;

  constructor(options: DynoOptions) {
    this.#options = options;
    options.onState(`Starting process with command \`${[options.command, ...options.args].join(" ")}\``);
    this.#group = new ChildGroup({ ...options, stdin: "inherit" });
    this.ended = this.#run();
  }

  /** Passes a signal on to the process and all its children; from the second stop signal on, they are killed. */
  signal(signal: NodeJS.Signals): void {
    const { onState } = this.#options;
    this.#stops++;
    if (this.#stops === 2) onState("Stopping process with SIGKILL");
    if (this.#stops > 1) {
      this.#group.kill("SIGKILL");
      return;
    }
    onState(
      signal === "SIGHUP"
        ? "Client connection closed. Sending SIGHUP to all processes"
        : `Stopping all processes with ${signal}`,
    );
    this.#group.kill(signal);
  }

  /**
   * Passes on a signal that does not ask to end: only to the process itself, since its children may not know the
   * signal.
   */
  pass(signal: NodeJS.Signals): void {
    this.#group.pass(signal);
  }

  /** Call it when nobody reads this stream any more. */
  closeStream(stream: OutputName): void {
    this.#group.closeStream(stream);
  }

  async #run(): Promise<DynoEnd> {
    const { onState, onOutputEnd } = this.#options;
    try {
      await this.#group.started;
    } catch (error) {
      onOutputEnd();
      return this.#notStarted(error);
    }
    onState("State changed from starting to up");
    const status = await this.#group.ended;
    onOutputEnd();
    onState(`Process exited with status ${status}`);
    onState(`State changed from up to ${status === 0 || this.#stops > 0 ? "complete" : "crashed"}`);
    return { status };
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
}
