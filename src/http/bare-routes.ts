/**
 * Routes that are served before the framework is asked: those of which every microsecond of a request counts. What comes to
 * them was bounded by `RequestGate` like any other request. They are found by the whole URL, without a query; every
 * other spelling of it goes through the framework, where the same route must be, too.
 */
import type { IncomingMessage, ServerResponse } from "node:http";

/** Answers the request, whatever becomes of it. Never throws. */
export type BareListener = (request: IncomingMessage, response: ServerResponse) => void;

export class BareRoutes {
  readonly #posts = new Map<string, BareListener>();

  /** `listener` answers `POST url`. */
  post(url: string, listener: BareListener): void {
    this.#posts.set(url, listener);
  }

  /** The one that answers the request; undefined: the framework does. */
  find({ method, url }: IncomingMessage): BareListener | undefined {
    return method === "POST" ? this.#posts.get(url!) : undefined;
  }

  /** The server closes: the framework answers all, and refuses. */
  close(): void {
    this.#posts.clear();
  }
}
