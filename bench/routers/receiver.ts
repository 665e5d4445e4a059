/** The receiver of all drains of a job: counts marks, and measures how late each line with a time is. */
import { createServer as createHttpServer } from "node:http";
import { createServer, type Server } from "node:net";
import type { Way } from "./job.ts";
import { mark, timeDigits } from "./lines.ts";
import { nowMicros } from "./senders.ts";

const stallMsMax = 20_000;

export class Receiver {
  readonly #server: Server;
  #lines = 0;
  #onLines = () => {};
  #lateMs: number[] | undefined;

  private constructor(way: Way) {
    this.#server =
      way === "tcp"
        ? createServer((socket) => {
            const scan = this.#scanner();
            socket.on("error", () => {}).on("data", scan);
          })
        : createHttpServer((request, response) => {
            request.on("data", this.#scanner()).on("end", () => response.writeHead(204).end());
          });
  }

  static async open(way: Way): Promise<Receiver> {
    const receiver = new Receiver(way);
    await new Promise<void>((resolve) => receiver.#server.listen(0, "127.0.0.1", resolve));
    return receiver;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  /** Starts a list of how late each line is, in milliseconds. */
  measure(): readonly number[] {
    this.#lateMs = [];
    return this.#lateMs;
  }

  get lines(): number {
    return this.#lines;
  }

  /** Resolves when `count` lines have come in total; rejects when none has come for a while. */
  has(count: number): Promise<void> {
    return new Promise((resolve, reject) => {
      let before = -1;
      const watch = setInterval(() => {
        if (this.#lines === before)
          reject(new Error(`${this.#lines} of ${count} lines came, and then none for ${stallMsMax} ms`));
        before = this.#lines;
      }, stallMsMax);
      this.#onLines = () => {
        if (this.#lines < count) return;
        clearInterval(watch);
        resolve();
      };
      this.#onLines();
    });
  }

  #scanner(): (data: Buffer) => void {
    const scan = lineScanner(
      () => this.#lateMs !== undefined,
      (lateMs) => {
        this.#lines++;
        if (lateMs !== undefined) this.#lateMs?.push(lateMs);
      },
    );
    return (data) => {
      scan(data);
      this.#onLines();
    };
  }
}

/** Finds lines in what comes, and how late each is where that is wanted. A time that is cut goes on in what comes next. */
export function lineScanner(
  isTimed: () => boolean,
  onLine: (lateMs: number | undefined) => void,
): (data: Buffer) => void {
  let cut: Buffer | undefined;
  return (data) => {
    const bytes = cut === undefined ? data : Buffer.concat([cut, data]);
    cut = undefined;
    const now = nowMicros();
    const timed = isTimed();
    for (let at = bytes.indexOf(mark); at !== -1; at = bytes.indexOf(mark, at + 1)) {
      const end = at + 1 + timeDigits;
      if (timed && end > bytes.length) {
        cut = Buffer.from(bytes.subarray(at));
        return;
      }
      onLine(timed ? (now - Number(bytes.toString("latin1", at + 1, end))) / 1000 : undefined);
    }
  };
}
