/**
 * One dyno of an app: a process that is started, watched, restarted when it crashes, and ended when it is no longer
 * wanted. Its states are reported in Heroku's words.
 */
import { randomUUID } from "node:crypto";
import type { UpClock } from "./clock.ts";
import { CrashLoop } from "./crash-loop.ts";
import type { DynoProcess } from "./dyno-process.ts";
import type { DynoLimits } from "./limits.ts";

type DynoState = "starting" | "up" | "crashed" | "down" | "stopping" | "complete";

/** Everything that a dyno runs with. */
export type DynoSpec = {
  readonly command: string;
  readonly size: string;
  readonly memoryMb: number;
  readonly release: number;
  readonly environment: NodeJS.ProcessEnv;
};

type ManagedDynoOptions = {
  /** `web.1` */
  readonly name: string;
  readonly type: string;
  readonly spec: DynoSpec;
  /** Runs once: its end is not a crash. */
  readonly isOneOff?: boolean;
  /** Starts a process of this dyno. */
  readonly start: (dyno: ManagedDyno) => Promise<DynoProcess>;
  readonly onState: (text: string) => void;
  /** Called when the state, the spec or the process changes. */
  readonly onChange: () => void;
  readonly clock: UpClock;
  readonly limits: DynoLimits;
};

export class ManagedDyno {
  readonly #options: ManagedDynoOptions;
  readonly id = randomUUID();
  readonly createdAtMs: number;
  readonly #crashes: CrashLoop;
  #spec: DynoSpec;
  #state: DynoState = "starting";
  #stateAtMs: number;
  #process: DynoProcess | undefined;
  /** Why the process is being ended, unless it ends by itself. */
  #ending: "restart" | "stop" | "remove" | "failed" | undefined;
  /** Ends the wait before the next start. */
  #wake = new AbortController();
  /** Resolves when the dyno has been removed, or was a one-off and has ended, and no process of it is left. */
  readonly gone: Promise<number>;

  constructor(options: ManagedDynoOptions) {
    this.#options = options;
    this.#spec = options.spec;
    this.createdAtMs = this.#stateAtMs = options.clock.nowMs();
    this.#crashes = new CrashLoop(options.limits, options.onState);
    this.gone = Promise.resolve().then(() => this.#run()); // the caller has this dyno first
  }

  get name(): string {
    return this.#options.name;
  }
  get type(): string {
    return this.#options.type;
  }
  get spec(): DynoSpec {
    return this.#spec;
  }
  get state(): DynoState {
    return this.#state;
  }
  get stateAtMs(): number {
    return this.#stateAtMs;
  }
  /** The running process, if there is one. */
  get process(): DynoProcess | undefined {
    return this.#process;
  }
  /** The address for requests, if it accepts them. */
  get address(): { readonly host: string; readonly port: number } | undefined {
    return this.#state === "up" ? this.#process?.address : undefined;
  }
  get isRemoved(): boolean {
    return this.#ending === "remove";
  }

  /** Ends the process gracefully and starts another one, with `spec`. */
  restart(spec: DynoSpec = this.#spec): void {
    this.#spec = spec;
    if (this.#ending === "remove") return;
    this.#options.onState("Restarting");
    this.#crashes.forget();
    this.#end("restart");
  }

  /** Ends the process gracefully; the dyno stays down until it is restarted. */
  stop(): void {
    if (this.#ending !== "remove") this.#end("stop");
  }

  /** Ends the dyno gracefully. */
  remove(): void {
    this.#end("remove");
  }

  /** Ends the process immediately and reports `why`. This counts as a crash. */
  fail(...why: readonly string[]): void {
    if (this.#ending !== undefined || this.#process === undefined) return;
    for (const text of why) this.#options.onState(text);
    this.#options.onState("Stopping process with SIGKILL");
    this.#ending = "failed";
    this.#process.kill("SIGKILL");
  }

  /** Ends the process immediately, for somebody who does not wait. */
  kill(): void {
    this.#process?.kill("SIGKILL");
  }

  #end(how: "restart" | "stop" | "remove"): void {
    const isEnding = this.#ending !== undefined;
    this.#ending = how;
    this.#wake.abort();
    if (!isEnding && this.#process !== undefined) void this.#terminate(this.#process);
  }

  async #terminate(process: DynoProcess): Promise<void> {
    const { onState, clock, limits } = this.#options;
    this.#crashes.forget();
    if (this.#ending === "restart") this.#become("starting");
    else this.#set("stopping");
    onState("Stopping all processes with SIGTERM");
    process.kill("SIGTERM");
    const ended = new AbortController();
    void process.ended.finally(() => ended.abort()).catch(() => {});
    await clock.sleep(limits.stopMsMax, ended.signal);
    if (ended.signal.aborted) return;
    onState(
      `Error R12 (Exit timeout) -> At least one process failed to exit within ${limits.stopMsMax / 1000} seconds of SIGTERM`,
    );
    onState("Stopping remaining processes with SIGKILL");
    process.kill("SIGKILL");
  }

  /** Runs one process after another. Resolves to the last exit status. */
  async #run(): Promise<number> {
    let status = 0;
    while (this.#ending !== "remove") {
      this.#ending = undefined;
      this.#wake = new AbortController();
      status = await this.#live();
      if (this.#options.isOneOff) return status;
      await this.#pause();
    }
    this.#set("down");
    return status;
  }

  /** Runs one process from start to end. */
  async #live(): Promise<number> {
    const { onState, start, isOneOff } = this.#options;
    if (this.#state !== "starting") this.#become("starting");
    this.#tell(`Starting process with command \`${this.#spec.command}\``);
    const bornMs = this.#options.clock.monotonicMs();
    let status: number;
    try {
      const process = (this.#process = await start(this));
      if (this.#ending === undefined) void this.#boot(process);
      else void this.#terminate(process);
      status = await process.ended;
    } catch (error) {
      this.#tell(`Process could not be started: ${error instanceof Error ? error.message : String(error)}`);
      status = 126;
    }
    this.#process = undefined;
    const livedMs = this.#options.clock.monotonicMs() - bornMs;
    const isWanted = this.#ending !== undefined && this.#ending !== "failed";
    if (isWanted) onState(`Process exited with status ${status}`);
    else this.#tell(`Process exited with status ${status}`);
    if (isOneOff) this.#become(status === 0 || isWanted ? "complete" : "crashed");
    else if (this.#ending === "stop" || this.#ending === "remove") this.#become("down", "up");
    else if (this.#ending !== "restart") {
      this.#become("crashed");
      this.#crashes.crashed(status, livedMs);
    }
    return status;
  }

  async #boot(process: DynoProcess): Promise<void> {
    const { clock, limits, onState } = this.#options;
    const outcome = await process.booted;
    if (this.#process !== process || this.#ending !== undefined) return;
    if (outcome === "late")
      return this.fail(
        `Error R10 (Boot timeout) -> Web process failed to bind to $PORT within ${limits.bootMsMax / 1000} seconds of launch`,
      );
    if (outcome === "ended") return;
    this.#become("up");
    const ended = new AbortController();
    void process.ended.finally(() => ended.abort()).catch(() => {});
    await clock.sleep(limits.stableMs, ended.signal);
    if (ended.signal.aborted || this.#process !== process) return;
    if (this.#crashes.forget()) onState("State changed from crashed to up");
  }

  get #hasStopped(): boolean {
    return this.#ending === "stop";
  }

  /** Waits until the next process should start. */
  async #pause(): Promise<void> {
    const { clock } = this.#options;
    if (this.#ending === undefined || this.#ending === "failed") {
      this.#ending = undefined;
      await clock.sleep(this.#crashes.waitMs, this.#wake.signal);
    }
    while (this.#hasStopped) {
      this.#become("down");
      this.#wake = new AbortController();
      await new Promise<void>((resolve) => this.#wake.signal.addEventListener("abort", () => resolve()));
    }
  }

  /** Reports a state of a process that comes and goes by itself, but not again and again. */
  #tell(text: string): void {
    if (!this.#crashes.isQuiet) this.#options.onState(text);
  }

  #become(state: DynoState, from: DynoState = this.#state): void {
    if (state === this.#state) return;
    this.#tell(`State changed from ${from} to ${state}`);
    this.#set(state);
  }

  #set(state: DynoState): void {
    this.#state = state;
    this.#stateAtMs = this.#options.clock.nowMs();
    this.#options.onChange();
  }
}
