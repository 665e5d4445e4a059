/**
 * The calls that the command line makes, over real HTTP, with scripted answers. Only for tests of the command line
 * itself; whether the real server answers like this is for the end-to-end tests.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { scanFrame } from "../../src/core/wire/frame.ts";

/** One request to `POST /logs`, taken or not. */
type Posted = {
  readonly token: string;
  readonly parcelId: string;
  readonly count: number;
  /** Frames without their lengths. */
  readonly frames: readonly string[];
  readonly status: number | "reset" | "hang";
};
/** How `POST /logs` answers once; when the script is empty it takes the lines. */
export type LogsAnswer =
  | { readonly status: number; readonly headers?: Record<string, string> }
  | "reset"
  | "hang";
type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void;

export class FakeTailrace {
  readonly key = "the-key";
  readonly posts: Posted[] = [];
  /** Answers of `POST /logs`, used up from the front. */
  logsAnswers: LogsAnswer[] = [];
  /** Streams behind `logplex_url`, used up from the front; then 404. */
  streams: Handler[] = [];
  /** The most lines of history that it shows. */
  linesMax = 10_000;
  /** Bodies of `POST …/log-sessions`, with the app's name. */
  readonly sessions: Record<string, unknown>[] = [];
  /** `Last-Event-ID` of each stream that was opened. */
  readonly resumed: (string | undefined)[] = [];
  /** Method and raw path of every call of the API. */
  readonly calls: string[] = [];
  /** Answers for further paths: `"METHOD /path"`. */
  readonly routes = new Map<string, Handler>();
  readonly apps = new Map<string, { token: string; name: string }[]>();
  readonly #server = createServer((request, response) => void this.#handle(request, response));
  #change: () => void = () => {};

  static async open(apps: readonly string[] = ["shop"], port = 0): Promise<FakeTailrace> {
    const fake = new FakeTailrace();
    for (const app of apps) fake.apps.set(app, []);
    fake.#server.listen(port, "127.0.0.1");
    await once(fake.#server, "listening");
    return fake;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Messages that were taken, in order, each stored once. `process` picks one process. */
  lines(process?: string): string[] {
    const seen = new Set<string>();
    const taken = this.posts.filter(
      ({ status, parcelId }) => status === 204 && !seen.has(parcelId) && seen.add(parcelId),
    );
    return taken.flatMap(({ token, frames }) =>
      frames.flatMap((frame) => {
        const [, , , , name, , , ...text] = frame.split(" ");
        if (process !== undefined && name !== process) return [];
        const source = [...this.apps.values()].flat().find((known) => known.token === token)?.name;
        return [`${source}[${name}]: ${text.join(" ").replace(/\n$/, "")}`];
      }),
    );
  }

  /** Resolves when `condition` holds after some request. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => (this.#change = resolve));
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    if (request.url === "/logs") this.#logs(request, response, body);
    else if (request.url!.startsWith("/sessions/")) this.#stream(request, response);
    else this.#api(request, response, body.toString());
    this.#change();
  }

  #logs(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
    const answer = this.logsAnswers.shift() ?? { status: 204 };
    const [, token = ""] = Buffer.from(request.headers.authorization!.slice(6), "base64")
      .toString()
      .split(":");
    const frames: string[] = [];
    for (let at = 0; at < body.length; ) {
      const scan = scanFrame(body, at, 262_144);
      if (scan.kind !== "frame") throw new Error(`the body is cut: ${body.subarray(at, at + 40)}`);
      frames.push(body.toString("utf8", scan.start, scan.end));
      at = scan.end;
    }
    this.posts.push({
      token,
      frames,
      parcelId: String(request.headers["logplex-frame-id"]),
      count: Number(request.headers["logplex-msg-count"]),
      status: typeof answer === "string" ? answer : answer.status,
    });
    if (answer === "reset") request.socket.resetAndDestroy();
    else if (answer !== "hang") response.writeHead(answer.status, answer.headers).end();
  }

  #stream(request: IncomingMessage, response: ServerResponse): void {
    this.resumed.push(request.headers["last-event-id"] as string | undefined);
    const stream = this.streams.shift();
    if (stream === undefined) response.writeHead(404).end();
    else stream(request, response, "");
  }

  #api(request: IncomingMessage, response: ServerResponse, body: string): void {
    const call = `${request.method} ${request.url}`;
    this.calls.push(call);
    const answer = (status: number, value: unknown) =>
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
    if (request.headers.authorization !== `Bearer ${this.key}`) {
      answer(401, { id: "unauthorized", message: "Invalid credentials provided." });
      return;
    }
    const scripted = this.routes.get(call);
    if (scripted !== undefined) {
      scripted(request, response, body);
      return;
    }
    const [, root, first, second, third] = request.url!.split("/").map(decodeURIComponent);
    const app = root === "v3" ? second! : first!;
    const tokens = this.apps.get(app);
    if (call === "GET /apps") {
      answer(
        200,
        [...this.apps.keys()].map((name) => ({ id: name, name, created_at: "2026-01-01T00:00:00Z" })),
      );
    } else if (tokens === undefined) {
      answer(404, { id: "not_found", message: "Couldn't find that app.", resource: "app" });
    } else if (request.method === "GET" && root === "apps" && second === undefined) {
      answer(200, { id: app, name: app });
    } else if (root === "v3" && third === "tokens" && request.method === "GET") {
      answer(200, tokens);
    } else if (root === "v3" && third === "tokens" && request.method === "POST") {
      const token = { token: `t.${app}-${JSON.parse(body).name}`, name: JSON.parse(body).name };
      tokens.push(token);
      answer(200, token);
    } else if (root === "v3" && third === "tokens" && request.method === "DELETE") {
      response.writeHead(204).end();
    } else if (second === "log-sessions") {
      const session = JSON.parse(body);
      this.sessions.push({ app, ...session });
      answer(201, {
        id: "s",
        logplex_url: `${this.url}/sessions/${app}-${this.sessions.length}`,
        lines: Math.min(session.lines ?? 100, this.linesMax),
        lines_max: this.linesMax,
      });
    } else answer(404, { id: "not_found", message: `No route ${call}` });
  }
}

/** A JSON answer as a route. */
export const json =
  (status: number, value: unknown): Handler =>
  (_, response) =>
    void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));

/** An event without an id has "". */
export type StreamedEvent = readonly [id: string, data: string, event?: string];

/** A stream of events, then what `end` does. */
export const eventStream =
  (events: readonly StreamedEvent[], end: "end" | "reset" | "stay" = "end"): Handler =>
  (request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
    const fields = ([id, data, event]: StreamedEvent) => [
      ...(event === undefined ? [] : [`event: ${event}`]),
      ...(id === "" ? [] : [`id: ${id}`]),
      ...data.split("\n").map((line) => `data: ${line}`),
    ];
    const text = events.map((event) => `${fields(event).join("\n")}\n\n`).join("");
    response.write(`retry: 20\n\n${text}`, () => {
      if (end === "end") response.end();
      if (end === "reset") setImmediate(() => request.socket.resetAndDestroy());
    });
  };
