/** `POST /logs` on a real port, with bounds that a test can reach, over a log that it can look into. */
import type { AddressInfo, Socket } from "node:net";
import fastify, { type FastifyInstance } from "fastify";
import { realClock } from "../../src/clock.ts";
import { addressGroup } from "../../src/core/address-group.ts";
import { BodyBudget } from "../../src/ingest/bodies/body-budget.ts";
import { ingestHttp } from "../../src/ingest/http/http.ts";
import { ingestLimits } from "../../src/ingest/limits.ts";
import { AppendQueues } from "../../src/ingest/queues/append-queues.ts";
import { alone, channelOf, FakeTokens, fakeKeys, silent, tokenOf } from "../ingest/registry.ts";
import { ScriptedLog } from "../ingest/scripted-log.ts";
import { RawClient } from "../support/raw-client.ts";

type Bounds = Partial<Record<keyof typeof ingestLimits, number>>;

/** The credential of app `number`; 0 is a key that writes to every app. */
const authorizationOf = (number: number): string => {
  const userinfo = number === 0 ? "router:everything" : `token:${tokenOf(number)}`;
  return `Basic ${Buffer.from(userinfo).toString("base64")}`;
};

export class IngestDoor {
  readonly log = new ScriptedLog();
  readonly queues: AppendQueues;
  readonly bodies: BodyBudget;
  port = 0;
  readonly #sockets: Socket[] = [];
  readonly #server: FastifyInstance = fastify();

  private constructor(bounds: Bounds) {
    this.queues = new AppendQueues({
      log: this.log,
      clock: realClock,
      logger: silent,
      ...ingestLimits,
      ...bounds,
    });
    this.bodies = new BodyBudget(this.queues.budget, { ...ingestLimits, ...bounds });
  }

  /** Knows the tokens of apps 1 to 9. */
  static async open(bounds: Bounds = {}): Promise<IngestDoor> {
    const door = new IngestDoor(bounds);
    const { queues, bodies } = door;
    const tokens = new FakeTokens();
    for (let number = 1; number < 10; number++) tokens.add(tokenOf(number), channelOf(number));
    const addressOf = (socket: Socket) => addressGroup(socket.remoteAddress);
    const parts = { queues, bodies, addressOf, tokens, keys: fakeKeys, clock: realClock, ...alone };
    await door.#server.register(ingestHttp, { ...ingestLimits, ...bounds, ...parts });
    door.#server.server.on("connection", (socket) => door.#sockets.push(socket));
    await door.#server.listen({ host: "127.0.0.1", port: 0 });
    door.port = (door.#server.server.address() as AddressInfo).port;
    return door;
  }

  /** Off the wire, of all connections. */
  get bytesRead(): number {
    return this.#sockets.reduce((bytes, socket) => bytes + socket.bytesRead, 0);
  }

  /** A whole request, on a connection of its own; resolves to all that came back. */
  async post(app: number, body: string | Buffer, headers: Record<string, string> = {}): Promise<string> {
    const client = await this.begin(app, body.length, { ...headers, connection: "close" });
    return client.send(body).closed();
  }

  /** The head of a request whose body will have so many bytes. */
  async begin(
    app: number,
    bodyBytes: number,
    headers: Record<string, string> = {},
    from = "127.0.0.1",
  ): Promise<RawClient> {
    const client = await RawClient.open(this.port, { from });
    const all = {
      host: "here",
      authorization: authorizationOf(app),
      "content-type": "application/logplex-1",
      "content-length": String(bodyBytes),
      ...headers,
    };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    return client.send(`POST /logs HTTP/1.1\r\n${lines.join("")}\r\n`);
  }

  async close(): Promise<void> {
    this.#server.server.closeAllConnections();
    await this.#server.close();
  }
}
