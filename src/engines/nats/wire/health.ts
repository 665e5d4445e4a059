/** Asks JetStream from time to time whether it is there: a connection alone says nothing of leaders and majorities. */
import type { Connection } from "./connection.ts";

const probeMs = 3000;
const answerMsMax = 2500;

export class Health {
  /** JetStream answered the last time that it was asked. */
  isReady = true;
  readonly #connection: Connection;
  readonly #timer: NodeJS.Timeout;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#timer = setInterval(() => void this.#probe(), probeMs).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #probe(): Promise<void> {
    try {
      const answer = await this.#connection.request("$JS.API.INFO", "", answerMsMax);
      this.isReady = (JSON.parse(answer.string()) as { error?: object }).error === undefined;
    } catch {
      this.isReady = false;
    }
  }
}
