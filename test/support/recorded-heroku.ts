/** Heroku's Platform API as it was recorded: answers GET from a fixture, and holds every request against whoever sent it. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";

type RecordedAnswer = {
  readonly path: string;
  /** The `Range` that asks for it; none: the first page. */
  readonly range?: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
};
type Asked = { readonly method: string; readonly path: string; readonly headers: IncomingHttpHeaders };

export const herokuKeyOfTests = "HRKU-0000-key-of-the-tests";

export class RecordedHeroku {
  readonly asked: Asked[] = [];
  /** Each goes before the recorded ones, once. */
  readonly once: RecordedAnswer[] = [];
  readonly #answers: readonly RecordedAnswer[];
  readonly #server = createServer((request, response) => {
    const { method = "", url: path = "", headers } = request;
    this.asked.push({ method, path, headers });
    const { status, headers: more, body } = this.#answerTo(method, path, headers);
    response
      .writeHead(status, { "content-type": "application/json", ...more })
      .end(typeof body === "string" ? body : JSON.stringify(body));
  });

  private constructor(answers: readonly RecordedAnswer[]) {
    this.#answers = answers;
  }

  static async open(): Promise<RecordedHeroku> {
    const fixture = new URL("../fixtures/heroku/platform-api.json", import.meta.url);
    const { answers } = JSON.parse(readFileSync(fixture, "utf8")) as { answers: RecordedAnswer[] };
    const heroku = new RecordedHeroku(answers);
    heroku.#server.listen(0, "127.0.0.1");
    await once(heroku.#server, "listening");
    return heroku;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #answerTo(method: string, path: string, { authorization, range }: IncomingHttpHeaders): RecordedAnswer {
    const failure = (status: number, id: string, message: string) => ({
      path,
      status,
      headers: {},
      body: { id, message },
    });
    if (method !== "GET") return failure(405, "method_not_allowed", "This recording only reads.");
    const at = this.once.findIndex((answer) => answer.path === path);
    if (at >= 0) return this.once.splice(at, 1)[0]!;
    if (authorization !== `Bearer ${herokuKeyOfTests}`)
      return failure(401, "unauthorized", "Invalid credentials provided.");
    const found = this.#answers.find((answer) => answer.path === path && answer.range === range);
    return found ?? failure(404, "not_found", "Couldn't find that app.");
  }
}
