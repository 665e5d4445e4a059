/** Real nats-servers on free ports and temporary folders: one, or a cluster. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer, connect as dial, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const installed = process.env.NATS_SERVER || "nats-server";
/** A second server, from 2.11 on: what those do otherwise is tested on it too, where there is one. */
export const newerServer = process.env.NATS_SERVER_NEWER;

type NatsServerOptions = {
  /** What JetStream may store; absent: 20GB. */
  readonly room?: string;
  /** More of the `jetstream` block of the server's configuration file. */
  readonly jetstream?: string;
  /** More of that file. */
  readonly config?: string;
  /** The program; absent: the installed one. */
  readonly program?: string;
};

/** One server process; it can be killed, stopped for a while and started again on the same port and folder. */
class NatsServer {
  readonly port: number;
  readonly url: string;
  readonly #program: string;
  readonly #configFile: string;
  #child: ChildProcess | undefined;

  constructor(port: number, configFile: string, program = installed) {
    this.port = port;
    this.#program = program;
    this.url = `nats://127.0.0.1:${port}`;
    this.#configFile = configFile;
  }

  /** Resolves when it takes connections. */
  async start(): Promise<void> {
    const child = spawn(this.#program, ["-c", this.#configFile], { stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    child.stderr?.on("data", (data) => {
      said = (said + data).slice(-4000);
    });
    this.#child = child;
    const failed = new Promise<never>((_, reject) => {
      child.once("error", (cause) =>
        reject(new Error(`no nats-server: install it, or set NATS_SERVER (${cause.message})`)),
      );
      child.once("exit", (code) => reject(new Error(`nats-server ended with ${code}: ${said}`)));
    });
    failed.catch(() => {});
    await Promise.race([failed, listening(this.port)]);
  }

  /** `SIGKILL`, then waits until it is gone. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  /** Stops the process without ending it: its peers and clients hear nothing of it. */
  pause(): void {
    this.#child?.kill("SIGSTOP");
  }

  resume(): void {
    this.#child?.kill("SIGCONT");
  }
}

export type NatsCluster = {
  readonly servers: readonly NatsServer[];
  readonly urls: readonly string[];
  /** The folder of all their data and configuration. */
  readonly folder: string;
  /** Kills all of them and removes their folders. */
  close(): Promise<void>;
};

/** Starts `count` servers with JetStream; more than one form a cluster. */
export async function startNats(count: 1 | 3 = 1, options: NatsServerOptions = {}): Promise<NatsCluster> {
  const folder = await mkdtemp(join(tmpdir(), "tailrace-nats-"));
  const ports = await freePorts(2 * count);
  const clientPorts = ports.slice(0, count);
  const routePorts = ports.slice(count);
  const routes = routePorts.map((port) => `nats-route://127.0.0.1:${port}`).join(", ");
  const servers = await Promise.all(
    clientPorts.map(async (port, number) => {
      const cluster = `cluster { name: test, listen: "127.0.0.1:${routePorts[number]}", routes: [${routes}] }`;
      const config = [
        `server_name: n${number}`,
        `listen: "127.0.0.1:${port}"`,
        `jetstream { store_dir: "${join(folder, String(number))}", max_file_store: ${options.room ?? "20GB"}, max_memory_store: 1GB, ${options.jetstream ?? ""} }`,
        count > 1 ? cluster : "",
        options.config ?? "",
      ];
      const file = join(folder, `${number}.conf`);
      await writeFile(file, config.join("\n"));
      return new NatsServer(port, file, options.program);
    }),
  );
  await Promise.all(servers.map((server) => server.start()));
  return {
    servers,
    urls: servers.map(({ url }) => url),
    folder,
    async close() {
      await Promise.all(servers.map((server) => server.kill()));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Ports of 127.0.0.1 that nobody listens on. */
export async function freePorts(count: number): Promise<number[]> {
  const held = await Promise.all(
    Array.from({ length: count }, async () => {
      for (let tries = 0; ; tries++) {
        const server = createServer().listen(20_000 + Math.floor(Math.random() * 12_000), "127.0.0.1");
        try {
          await once(server, "listening");
          return server;
        } catch (failure) {
          if (tries === 20) throw failure;
        }
      }
    }),
  );
  const ports = held.map((server) => (server.address() as { port: number }).port);
  await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

async function listening(port: number): Promise<void> {
  for (;;) {
    const socket = dial(port, "127.0.0.1");
    const isOpen = await Promise.race([
      once(socket, "connect").then(() => true),
      new Promise<boolean>((resolve) => socket.once("error", () => resolve(false))),
    ]).catch(() => false);
    socket.destroy();
    if (isOpen) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A way to a server that can be blocked: nothing is lost on it, nothing goes through. */
export type Gate = { readonly url: string; block(): void; open(): void; close(): Promise<void> };

/** Opens a gate before the server at `port`. */
export async function openGate(port: number): Promise<Gate> {
  const sockets = new Set<Socket>();
  let isBlocked = false;
  const proxy = createServer((client) => {
    const server = dial(port, "127.0.0.1");
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(from);
      from.on("data", (data) => {
        if (!to.write(data)) from.pause();
      });
      to.on("drain", () => {
        if (!isBlocked) from.resume();
      });
      from.on("error", () => to.destroy());
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
      if (isBlocked) from.pause();
    }
  }).listen(0, "127.0.0.1");
  await once(proxy, "listening");
  return {
    url: `nats://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    block() {
      isBlocked = true;
      for (const socket of sockets) socket.pause();
    },
    open() {
      isBlocked = false;
      for (const socket of sockets) socket.resume();
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
}
