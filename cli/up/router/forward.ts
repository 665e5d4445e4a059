/**
 * Streams a request to a dyno and its response to the client. Nothing is buffered, and each side waits for the other.
 */
import type { ClientRequest, IncomingMessage, ServerResponse } from "node:http";
import { http } from "../../../src/node-http.ts";
import type { Backend } from "./backends.ts";
import { codeOfFailure, Exchange, onInterim, type RouterParts } from "./exchange.ts";
import { answerHeaders, requestHeaders } from "./headers.ts";
import type { RouterCode } from "./router-line.ts";

/** Methods whose requests usually have no body, so that clients do not declare that there is none. */
const bodilessMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/** Resolves when the exchange is over; never rejects. */
export async function forward(
  parts: RouterParts,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const exchange = new Exchange(parts, request);
  response.on("close", () => {
    if (!response.writableFinished) exchange.fail(response, "H27", "client");
  });
  response.on("error", () => {}); // its close reports it
  const refused = new Set<Backend>();
  let lastCode: RouterCode | undefined;
  while (!exchange.isOver) {
    // A dyno that refuses a connection was sent nothing, so the next one is tried.
    const backend = await exchange.backend(refused);
    if (backend === undefined) return;
    if (typeof backend === "string") return exchange.fail(response, lastCode ?? backend);
    backend.underWay++;
    const { outcome: ended } = new Attempt(parts, exchange, backend, response);
    const outcome = await ended.finally(() => backend.underWay--);
    if (outcome === "over") return;
    refused.add(backend);
    lastCode = outcome;
  }
}

/** `over`, or why to try another dyno: nothing of the request has been sent. */
type Outcome = "over" | "H19" | "H21";

/** One try with one dyno. */
class Attempt {
  readonly #parts: RouterParts;
  readonly #exchange: Exchange;
  readonly #response: ServerResponse;
  readonly #upstream: ClientRequest;
  #isConnected = false;
  #resolve: (outcome: Outcome) => void = () => {};
  readonly outcome: Promise<Outcome>;

  constructor(parts: RouterParts, exchange: Exchange, backend: Backend, response: ServerResponse) {
    this.#parts = parts;
    this.#exchange = exchange;
    this.#response = response;
    this.outcome = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#upstream = this.#open(backend);
    const onOver = () => {
      if (!this.#response.writableFinished) this.#upstream.destroy();
      this.#resolve("over");
    };
    exchange.over.addEventListener("abort", onOver, { once: true });
    void this.outcome.then(() => exchange.over.removeEventListener("abort", onOver));
  }

  #open({ address, agent }: Backend): ClientRequest {
    const { clock, limits, port } = this.#parts;
    const { request, requestId, forwarded } = this.#exchange;
    const beganMs = clock.monotonicMs();
    const headers = requestHeaders(request, { requestId, forwarded, port, startMs: clock.nowMs() });
    const upstream = http.request({
      ...address,
      agent,
      method: request.method!,
      path: request.url!,
      headers: [...headers, ...framingOf(request)] as never,
    });
    this.#exchange.within(limits.connectMsMax, () => upstream.destroy(timedOut()));
    upstream.once("socket", (socket) => {
      const connected = () => {
        this.#isConnected = true;
        this.#exchange.connected(upstream.reusedSocket ? 0 : clock.monotonicMs() - beganMs);
        this.#sendBody(upstream);
      };
      if (socket.connecting) socket.once("connect", connected);
      else connected();
    });
    upstream.on("error", (error: NodeJS.ErrnoException) => this.#failed(error));
    upstream.on("response", (answer) => void this.#answer(answer));
    const malformed = () => this.#exchange.fail(this.#response, "H17");
    onInterim(upstream, limits, malformed);
    upstream.on("upgrade", (_, socket) => {
      socket.destroy(); // nobody asked for another protocol
      malformed();
    });
    return upstream;
  }

  #sendBody(upstream: ClientRequest): void {
    const { limits } = this.#parts;
    const { request } = this.#exchange;
    const expectAnswer = () =>
      this.#exchange.within(limits.answerMsMax, () => this.#exchange.fail(this.#response, "H12"));
    const expectBody = () =>
      this.#exchange.within(limits.idleMsMax, () =>
        upstream.writableNeedDrain
          ? this.#exchange.fail(this.#response, "H12")
          : this.#exchange.fail(this.#response, "H28", "client"),
      );
    if (request.readableEnded) {
      upstream.end();
      expectAnswer();
      return;
    }
    expectBody();
    request.on("data", () => {
      if (!this.#response.headersSent) expectBody();
    });
    request.on("end", () => {
      if (!this.#response.headersSent) expectAnswer();
    });
    request.pipe(upstream);
  }

  async #answer(answer: IncomingMessage): Promise<void> {
    const exchange = this.#exchange;
    const response = this.#response;
    const { limits } = this.#parts;
    const expectMore = () =>
      exchange.within(limits.idleMsMax, () => exchange.fail(response, "H15", "backend"));
    expectMore();
    const broken = () => exchange.fail(response, "H18", "backend");
    answer.on("error", broken);
    if (exchange.isOver) return;
    try {
      response.writeHead(answer.statusCode!, answer.statusMessage, answerHeaders(answer) as never);
    } catch {
      return exchange.fail(response, "H17", "backend"); // bytes that no header may contain
    }
    response.flushHeaders();
    try {
      for await (const chunk of answer as AsyncIterable<Buffer>) {
        exchange.bytes += chunk.length;
        expectMore();
        if (!response.write(chunk)) await drainedOrClosed(response);
        if (exchange.isOver) return;
      }
    } catch {
      return broken();
    }
    if (!answer.complete) return broken();
    response.end(() => {
      exchange.end(answer.statusCode!);
      this.#resolve("over");
    });
  }

  #failed(error: NodeJS.ErrnoException): void {
    const isOver = this.#exchange.isOver || this.#response.headersSent;
    const code = codeOfFailure(error, this.#isConnected);
    if (isOver) this.#resolve("over");
    else if (code === "H19" || code === "H21") this.#resolve(code);
    else this.#exchange.fail(this.#response, code);
  }
}

/** Leaves no listener behind: an answer to a slow client waits here thousands of times. */
function drainedOrClosed(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const settle = () => {
      response.off("drain", settle).off("close", settle);
      resolve();
    };
    response.on("drain", settle).on("close", settle);
  });
}

/** The header that frames the body: chunks, or that there is none; a length is already there. */
function framingOf({ headers, method }: IncomingMessage): readonly string[] {
  if (headers["transfer-encoding"] !== undefined) return ["Transfer-Encoding", "chunked"];
  if (headers["content-length"] !== undefined || bodilessMethods.has(method!)) return [];
  return ["Content-Length", "0"];
}

const timedOut = () => Object.assign(new Error("no connection in time"), { code: "ETIMEDOUT" });
