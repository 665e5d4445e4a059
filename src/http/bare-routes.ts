/**
 * Routes that bypass the framework, because each microsecond of their requests counts. `RequestGate` bounds them like
 * any other request. They match the exact URL without a query; any other spelling goes through the framework, which
 * must have the same route.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { HttpDate } from "./http-date.ts";

/** Answers the request in every case. Never throws. */
type BareListener = (request: IncomingMessage, response: ServerResponse) => void;

export class BareRoutes {
  /** For answers that Node does not date. */
  readonly date: HttpDate;
  readonly #posts = new Map<string, BareListener>();
  #isClosed = false;

  constructor(clock: { nowMs(): number }) {
    this.date = new HttpDate(() => clock.nowMs());
  }

  /** Registers `listener` for `POST url`. */
  post(url: string, listener: BareListener): void {
    this.#posts.set(url, listener);
  }

  /** The listener for the request; undefined: the framework answers it. */
  find({ method, url }: Pick<IncomingMessage, "method" | "url">): BareListener | undefined {
    return this.#isClosed ? undefined : this.begun({ method, url });
  }

  /** The same for a request that was begun before the server closed. */
  begun({ method, url }: Pick<IncomingMessage, "method" | "url">): BareListener | undefined {
    return method === "POST" ? this.#posts.get(url!) : undefined;
  }

  /** Call when the server closes: the framework then answers, and refuses, all requests. */
  close(): void {
    this.#isClosed = true;
  }
}
