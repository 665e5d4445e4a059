/** The HTTP door alone, on a real port, with bounds that a test can reach and a handler that it watches. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { FastifyInstance } from "fastify";
import { pino } from "pino";
import type { BareRoutes } from "../../src/http/bare-routes.ts";
import { Connections } from "../../src/http/connections.ts";
import { closeServer, httpServer } from "../../src/http/http-server.ts";
import { httpLimits } from "../../src/limits.ts";

type Limits = { -readonly [Name in keyof typeof httpLimits]: number };

const pemFile = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/tls/${name}.pem`, import.meta.url));

export class HttpDoor {
  readonly connections: Connections;
  port = 0;
  /** Requests that were handed on, and those of them that are not answered. */
  begun = 0;
  underWay = 0;
  underWayMost = 0;
  readonly #server: FastifyInstance;

  private constructor(server: FastifyInstance, connections: Connections) {
    this.#server = server;
    this.connections = connections;
  }

  /** Every request is answered by `handle`. */
  static async open(
    handle: (request: IncomingMessage, response: ServerResponse, door: HttpDoor) => void,
    {
      tls = false,
      bare,
      ...given
    }: Partial<Limits> & { readonly tls?: boolean; readonly bare?: BareRoutes } = {},
  ): Promise<HttpDoor> {
    const limits = { ...httpLimits, ...given };
    const connections = new Connections(limits);
    const server = await httpServer({
      logger: pino({ level: "silent" }),
      connections,
      limits,
      ...(bare !== undefined && { bare }),
      ...(tls && { tlsCert: pemFile("server"), tlsKey: pemFile("server-key") }),
    });
    const door = new HttpDoor(server, connections);
    server.removeAllContentTypeParsers();
    server.addContentTypeParser("*", (_request, _body, done) => done(null));
    server.all("*", (request, reply) => {
      reply.hijack();
      door.begun++;
      door.underWayMost = Math.max(door.underWayMost, ++door.underWay);
      reply.raw.once("close", () => door.underWay--);
      handle(request.raw, reply.raw, door);
    });
    await server.listen({ host: "127.0.0.1", port: 0 });
    door.port = (server.server.address() as AddressInfo).port;
    return door;
  }

  /** Resolves when `isThere` holds, which it does at some turn of the event loop. */
  async reached(isThere: () => boolean): Promise<void> {
    while (!isThere()) await nextTurn();
  }

  /** Requests under way are given `msMax`. */
  close(msMax = 0): Promise<void> {
    return closeServer(this.#server, this.connections, msMax);
  }
}

/** Echoes path and body. */
export function echo(request: IncomingMessage, response: ServerResponse): void {
  const parts: Buffer[] = [];
  request.on("data", (part: Buffer) => parts.push(part));
  request.on("end", () => response.end(`${request.method} ${request.url} ${Buffer.concat(parts)};`));
}
