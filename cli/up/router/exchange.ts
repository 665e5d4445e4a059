/** One request on its way through the router, its timers, and the log line about it. */
import type { ClientRequest, IncomingMessage, ServerResponse } from "node:http";
import type { UpClock } from "../clock.ts";
import type { RouterLimits } from "../limits.ts";
import type { Backend, Backends } from "./backends.ts";
import { errorHeaders, errorPage } from "./error-page.ts";
import { forwardedOf, requestIdOf } from "./headers.ts";
import { type RouterCode, type RouterEvent, routerErrors, routerLine } from "./router-line.ts";

/** The parts that all requests share. */
export type RouterParts = {
  readonly backends: Backends;
  readonly limits: RouterLimits;
  readonly clock: UpClock;
  /** The router's own port. */
  readonly port: number;
  readonly tell: (line: string) => void;
  /** Resolves when the log has room for a line; undefined if it has room now. */
  readonly room: (signal: AbortSignal) => Promise<void> | undefined;
};

/** The side that caused an error which ended the exchange. */
type Sock = "client" | "backend";

export class Exchange {
  readonly request: IncomingMessage;
  readonly requestId: string;
  readonly forwarded: string;
  readonly #parts: RouterParts;
  /** Aborted when the exchange is over, for whatever reason. */
  readonly #over = new AbortController();
  #backend: Backend | undefined;
  #connectMs: number | undefined;
  #sentAtMs: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  bytes = 0;

  constructor(parts: RouterParts, request: IncomingMessage) {
    this.#parts = parts;
    this.request = request;
    this.requestId = requestIdOf(request.headers);
    this.forwarded = forwardedOf(request);
  }

  get over(): AbortSignal {
    return this.#over.signal;
  }
  get isOver(): boolean {
    return this.#over.signal.aborted;
  }

  /**
   * The dyno that gets the request; undefined if there is none, or the client has gone. Waits for one that is starting.
   */
  async backend(not: ReadonlySet<Backend>): Promise<Backend | RouterCode | undefined> {
    const { backends, limits, clock, room } = this.#parts;
    await room(this.over);
    const endMs = clock.monotonicMs() + limits.bootWaitMsMax;
    while (!this.isOver) {
      const choice = backends.choose(not);
      if (choice.kind === "backend") {
        this.#backend = choice.backend;
        return choice.backend;
      }
      if (choice.kind === "none") return choice.code;
      const leftMs = endMs - clock.monotonicMs();
      if (leftMs <= 0) return "H20";
      const waited = new AbortController();
      const either = AbortSignal.any([this.over, waited.signal]);
      await Promise.race([backends.change(either), clock.sleep(leftMs, either)]);
      waited.abort();
    }
    return undefined;
  }

  /** The connection to the dyno was open `connectMs` after its start; 0 for a reused one. */
  connected(connectMs: number): void {
    this.#connectMs = connectMs;
    this.#sentAtMs = this.#parts.clock.monotonicMs();
  }

  /** Calls `then` after `ms`, unless something happens first. */
  within(ms: number, then: () => void): void {
    clearTimeout(this.#timer);
    if (!this.isOver) this.#timer = setTimeout(then, ms);
  }

  /** Ends the exchange with the dyno's answer, or with an error, and writes its line. Only the first call counts. */
  end(status: number, error?: { readonly code: RouterCode; readonly sock?: Sock }): boolean {
    if (this.isOver) return false;
    clearTimeout(this.#timer);
    this.#over.abort();
    const { clock, tell } = this.#parts;
    const event: RouterEvent = {
      method: this.request.method ?? "",
      path: this.request.url ?? "",
      host: this.request.headers.host ?? "",
      requestId: this.requestId,
      forwarded: this.forwarded,
      dyno: this.#backend?.name,
      connectMs: this.#connectMs,
      serviceMs: this.#sentAtMs === undefined ? undefined : clock.monotonicMs() - this.#sentAtMs,
      status,
      bytes: this.bytes,
      ...(error !== undefined && { error }),
    };
    tell(routerLine(event));
    return true;
  }

  /** Ends the exchange with the router's own page, or by cutting off an answer that has begun. */
  fail(response: ServerResponse, code: RouterCode, sock?: Sock): void {
    const hasBegun = response.headersSent;
    const { status } = routerErrors[code];
    const isNew = this.end(hasBegun && sock === "client" ? response.statusCode : status, {
      code,
      ...(sock !== undefined && { sock }),
    });
    if (!isNew) return;
    if (hasBegun || sock === "client") {
      response.destroy();
      return;
    }
    response.writeHead(status, { ...errorHeaders, connection: "close", "x-request-id": this.requestId });
    response.end(this.request.method === "HEAD" ? undefined : errorPage);
  }
}

/** The code for a failure of a dyno that has not answered yet. */
export function codeOfFailure(error: NodeJS.ErrnoException, isConnected: boolean): RouterCode {
  if (error.code?.startsWith("HPE_")) return "H17";
  if (isConnected) return "H13";
  return error.code === "ETIMEDOUT" ? "H19" : "H21";
}

/** Calls `then` when a dyno sends interim answers (1xx) without end; the router passes none of them on. */
export function onInterim(
  upstream: ClientRequest,
  { interimMax }: Pick<RouterLimits, "interimMax">,
  then: () => void,
): void {
  let count = 0;
  upstream.on("information", () => {
    if (++count === interimMax + 1) then();
  });
}
