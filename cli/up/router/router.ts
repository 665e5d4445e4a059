/** The HTTP router in front of an app's web dynos. */
import { once } from "node:events";
import type { IncomingMessage, Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { http } from "../../../src/node-http.ts";
import { networkReason, wrongUse } from "../../errors.ts";
import type { UpClock } from "../clock.ts";
import type { RouterLimits } from "../limits.ts";
import { Backends, type WebDyno } from "./backends.ts";
import { Exchange, type RouterParts } from "./exchange.ts";
import { forward } from "./forward.ts";
import { hasBody } from "./headers.ts";
import { forwardUpgrade } from "./upgrade.ts";

type RouterOptions = Pick<RouterParts, "tell" | "room"> & {
  readonly host: string;
  readonly port: number;
  /** Returns the web dynos that are wanted now. */
  readonly dynos: () => readonly WebDyno[];
  readonly clock: UpClock;
  readonly limits: RouterLimits;
};

/**
 * A request with a body that offers another protocol besides, as Java's HttpClient does (h2c), is answered as one that
 * does not: the body would not reach the dyno. Node 20 has no such option, where the dyno is not sent the body (H12).
 */
const plainWithBody = { shouldUpgradeCallback: (request: IncomingMessage) => !hasBody(request) };

export class Router {
  readonly #server: Server;
  readonly #backends: Backends;
  #underWay = 0;
  /** Connections of clients that no longer speak HTTP. */
  readonly #upgraded = new Set<Socket>();

  private constructor(server: Server, backends: Backends) {
    this.#server = server;
    this.#backends = backends;
  }

  /** Listens. Throws if it cannot. */
  static async open({ host, port, dynos, ...shared }: RouterOptions): Promise<Router> {
    const { limits } = shared;
    const server = http.createServer({
      maxHeaderSize: limits.headerBytesMax,
      headersTimeout: limits.headersMsMax,
      requestTimeout: 0, // bodies may stream: `exchange.ts` has their bounds
      keepAliveTimeout: limits.keepAliveMs,
      noDelay: true,
      ...plainWithBody,
    });
    server.maxConnections = limits.connectionsMax;
    const backends = new Backends(dynos);
    const router = new Router(server, backends);
    try {
      server.listen(port, host);
      await once(server, "listening");
    } catch (error) {
      throw wrongUse(
        `The router cannot listen on ${host}:${port}: ${networkReason(error)}.`,
        "Name another port with --port; 0 takes a free one.",
      );
    }
    const parts: RouterParts = { ...shared, backends, port: router.port };
    server.on("request", (request, response) => {
      if (router.#isFull(limits)) new Exchange(parts, request).fail(response, "H11");
      else void router.#count(forward(parts, request, response));
    });
    server.on("upgrade", (request, socket, head) => {
      if (router.#isFull(limits)) socket.destroy();
      else void router.#count(forwardUpgrade(parts, request, router.#keepTrack(socket as Socket), head));
    });
    return router;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Call it when a dyno's state changes. */
  changed(): void {
    this.#backends.changed();
  }

  /** Accepts no more connections; requests under way get `graceMs`. */
  async close(graceMs: number): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeIdleConnections();
    const timer = setTimeout(() => {
      this.#server.closeAllConnections();
      for (const socket of this.#upgraded) socket.destroy();
    }, graceMs);
    await closed;
    clearTimeout(timer);
    this.#backends.close();
  }

  #keepTrack(socket: Socket): Socket {
    this.#upgraded.add(socket);
    return socket.once("close", () => this.#upgraded.delete(socket));
  }

  #isFull({ requestsMax }: RouterLimits): boolean {
    return this.#underWay >= requestsMax;
  }

  async #count(exchange: Promise<void>): Promise<void> {
    this.#underWay++;
    await exchange.finally(() => this.#underWay--);
  }
}
