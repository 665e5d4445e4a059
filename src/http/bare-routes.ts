/**
 * Routes that bypass the framework, because each microsecond of their requests counts. `RequestGate` bounds them like
 * any other request. They match the exact URL without a query; any other spelling goes through the framework, which
 * must have the same route.
 */
import type { IncomingMessage, ServerResponse } from "node:http";

/** Answers the request, whatever becomes of it. Never throws. */
type BareListener = (request: IncomingMessage, response: ServerResponse) => void;

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
