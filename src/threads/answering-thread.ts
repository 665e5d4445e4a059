/** A background thread that is given one message at a time, and answers each. */
import type { Transferable, Worker } from "node:worker_threads";

export class AnsweringThread<Message, Answer> {
  /** Undefined where the system had no thread to spare. */
  readonly #worker: Worker | undefined;
  #answered: ((answer: Answer | "ended") => void) | undefined;
  #isEnded = false;

  /** `start` throws where the system has no thread to spare. */
  constructor(start: () => Worker) {
    this.#worker = started(start);
    if (this.#worker === undefined) {
      this.#isEnded = true;
      return;
    }
    this.#worker.unref();
    this.#worker.on("message", (answer: Answer) => this.#answered?.(answer));
    // It ran out of memory, or could not start.
    this.#worker.on("error", () => this.end());
    this.#worker.on("exit", () => this.end());
  }

  /** True when it will not answer any more. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /**
   * The answer, or `ended` when the thread ended before it. `transferred`: memory that is the thread's from now on. One
   * message at a time.
   */
  async ask(message: Message, transferred: readonly Transferable[] = []): Promise<Answer | "ended"> {
    if (this.#isEnded) return "ended";
    const worker = this.#worker!;
    worker.ref();
    const answered = new Promise<Answer | "ended">((resolve) => {
      this.#answered = resolve;
    });
    worker.postMessage(message, transferred);
    const answer = await answered;
    this.#answered = undefined;
    if (!this.#isEnded) worker.unref(); // otherwise the process would wait for the thread when it ends
    return answer;
  }

  /** Ends the thread, whatever it is doing. Idempotent. */
  async end(): Promise<void> {
    this.#isEnded = true;
    this.#answered?.("ended");
    await this.#worker?.terminate();
  }
}

function started(start: () => Worker): Worker | undefined {
  try {
    return start();
  } catch {
    return undefined;
  }
}
