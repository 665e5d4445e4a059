/** A router of the tests: its lines are kept, its dynos are servers of the test. */
import { once } from "node:events";
import { createServer as createHttp, type RequestListener } from "node:http";
import { type AddressInfo, connect, createServer as createTcp, type Server, type Socket } from "node:net";
import { upClock } from "../../../cli/up/clock.ts";
import { type RouterLimits, routerLimits } from "../../../cli/up/limits.ts";
import type { WebDyno } from "../../../cli/up/router/backends.ts";
import { Router } from "../../../cli/up/router/router.ts";
import { until } from "../../support/until.ts";

export class RouterRig {
  readonly lines: string[] = [];
  dynos: WebDyno[] = [];
  router!: Router;
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();

  static async open(limits: Partial<RouterLimits> = {}): Promise<RouterRig> {
    const rig = new RouterRig();
    rig.router = await Router.open({
      host: "127.0.0.1",
      port: 0,
      dynos: () => rig.dynos,
      tell: (line) => rig.lines.push(line),
      room: () => undefined,
      clock: upClock,
      limits: { ...routerLimits, ...limits },
    });
    return rig;
  }

  get url(): string {
    return `http://127.0.0.1:${this.router.port}`;
  }

  /** A dyno that answers as `handler` does. */
  async dyno(handler: RequestListener, name = `web.${this.dynos.length + 1}`): Promise<Server> {
    return this.#listen(createHttp(handler), name);
  }

  /** A dyno that does with its connections what it likes. */
  async raw(handler: (socket: Socket) => void, name = `web.${this.dynos.length + 1}`): Promise<Server> {
    return this.#listen(createTcp(handler), name);
  }

  /** A web dyno in that state, which takes nothing. */
  state(state: string): void {
    this.dynos = [...this.dynos, { name: `web.${this.dynos.length + 1}`, state, address: undefined }];
    this.router.changed();
  }

  /** Sends bytes as they are; the socket. */
  async send(text: string): Promise<Socket> {
    const socket = connect(this.router.port, "127.0.0.1");
    this.#sockets.add(socket);
    socket.on("error", () => {});
    await once(socket, "connect");
    socket.write(text, "latin1");
    return socket;
  }

  /** Sends bytes as they are; all that comes until the end of the connection. */
  async ask(text: string): Promise<string> {
    const socket = await this.send(text);
    let answer = "";
    for await (const chunk of socket.setEncoding("latin1")) answer += chunk;
    return answer;
  }

  /** The router's lines, once there are so many. */
  async routerLines(count = 1): Promise<string[]> {
    await until(() => this.lines.length >= count, { tell: () => this.lines.join("\n") });
    return this.lines;
  }

  async close(): Promise<void> {
    await this.router.close(0);
    for (const socket of this.#sockets) socket.destroy();
    for (const server of this.#servers) server.close();
  }

  async #listen(server: Server, name: string): Promise<Server> {
    server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => {});
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    this.#servers.push(server);
    const address = { host: "127.0.0.1", port: (server.address() as AddressInfo).port };
    this.dynos = [...this.dynos.filter((dyno) => dyno.name !== name), { name, state: "up", address }];
    this.router.changed();
    return server;
  }
}
