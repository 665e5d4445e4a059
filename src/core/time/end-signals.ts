/** A signal to a group of processes may reach one of them several times: directly, and through its parent. */
const echoMsMax = 1_000;

/** The signals that ask a process to end. Those that come within a second of the first one are its echo. */
export class EndSignals {
  #firstAtMs: number | undefined;

  /** Call it for each signal: `again` means that somebody insists. */
  see(nowMs: number): "first" | "echo" | "again" {
    if (this.#firstAtMs === undefined) {
      this.#firstAtMs = nowMs;
      return "first";
    }
    return nowMs - this.#firstAtMs > echoMsMax ? "again" : "echo";
  }
}
