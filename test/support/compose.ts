/**
 * The services of docker-compose.yml as processes of this machine: the same programs, arguments and environment.
 * What a container's network and disk would do is done by replacing names: a service's host and port by a free port
 * of 127.0.0.1, `/data` by a folder of the service's own, the containers' range of addresses by loopback.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { freePorts, newerServer } from "./nats.ts";
import { nginxBinary, ownTemporaryFolders } from "./nginx.ts";
import { until } from "./until.ts";

type Service = {
  readonly image: string;
  readonly command?: string;
  readonly entrypoint?: readonly string[];
  readonly volumes?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
};

const root = fileURLToPath(new URL("../..", import.meta.url));
const natsPort = 4222;
const natsServer = newerServer ?? (process.env.NATS_SERVER || "nats-server");
const outputCharsMax = 200_000;

export class ComposeCluster {
  readonly services: Readonly<Record<string, Service>>;
  readonly #folder = mkdtempSync(join(tmpdir(), "tailrace-compose-"));
  readonly #ports = new Map<string, number>();
  readonly #running = new Map<string, ChildProcess>();
  readonly #output = new Map<string, string>();

  private constructor(services: Readonly<Record<string, Service>>) {
    this.services = services;
  }

  /** Reads the file and gives every port of every service a free one. Starts nothing. */
  static async read(): Promise<ComposeCluster> {
    const text = readFileSync(join(root, "docker-compose.yml"), "utf8");
    const { services } = parse(text, { merge: true }) as { services: Record<string, Service> };
    const cluster = new ComposeCluster(services);
    const wanted = Object.keys(services).flatMap((name) =>
      cluster.#portsOf(name).map((port) => `${name}:${port}`),
    );
    const free = await freePorts(wanted.length);
    for (const [i, place] of wanted.entries()) cluster.#ports.set(place, free[i]!);
    return cluster;
  }

  /** Names of the services whose command has `part`. */
  named(part: string): string[] {
    return Object.keys(this.services).filter((name) => name.startsWith(part));
  }

  /** Starts a service; resolves when it is healthy. */
  async start(name: string): Promise<void> {
    const service = this.services[name]!;
    const [program, ...args] = this.#commandOf(name, service);
    const environment = Object.entries(service.environment ?? {}).map(([key, value]) => [
      key,
      this.#here(name, value),
    ]);
    const child = spawn(program!, args, {
      cwd: root,
      env: { PATH: process.env.PATH, ...Object.fromEntries(environment) },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#running.set(name, child);
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => {
        this.#output.set(name, ((this.#output.get(name) ?? "") + chunk).slice(-outputCharsMax));
      });
    }
    const isHealthy = async () => {
      if (child.exitCode !== null)
        throw new Error(`${name} ended (${child.exitCode}):\n${this.output(name)}`);
      return this.#isHealthy(name, service);
    };
    await until(isHealthy, { tell: () => `the start of ${name}:\n${this.output(name)}` });
  }

  /** SIGKILL, and waits until it is gone; nginx, whose workers would live on, is asked. */
  async kill(name: string): Promise<void> {
    const signal = this.services[name]!.image.startsWith("nginx") ? "SIGTERM" : "SIGKILL";
    const child = this.#running.get(name);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill(signal);
    await gone;
  }

  /** What a service printed, all its starts together. */
  output(name: string): string {
    return this.#output.get(name) ?? "";
  }

  /** Where a service answers HTTP. */
  url(name: string): string {
    return `http://127.0.0.1:${this.#ports.get(`${name}:${name === "receiver" ? 8700 : 8601}`)}`;
  }

  /** The operator's key of the file. */
  get key(): string {
    return this.#here("control", this.services.control!.environment!.TAILRACE_API_KEY!);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#running.keys()].map((name) => this.kill(name)));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #portsOf(name: string): number[] {
    if (name.startsWith("nats")) return [natsPort, 6222, 8222];
    return name === "receiver" ? [8700] : [8601, 6001];
  }

  #commandOf(name: string, service: Service): string[] {
    if (service.image.startsWith("nginx")) return this.#nginxCommandOf(name, service);
    const args = this.#here(name, service.command!).split(" ");
    if (name.startsWith("nats")) {
      const at = ["--addr", "127.0.0.1", "--port", String(this.#ports.get(`${name}:${natsPort}`))];
      const config = this.#natsConfigOf(name, service);
      return [natsServer, ...args.map((arg) => (arg.startsWith("/etc/nats/") ? config : arg)), ...at];
    }
    const entry = service.entrypoint ?? ["node", "/app/dist/cli/main.js"]; // the image's own
    const program = entry.map((part) => part.replace(/^\/app\//, root));
    return [
      ...program.map((part) => (part === "node" ? process.execPath : part)),
      ...args,
      ...this.#dataOf(name),
    ];
  }

  // The file that is mounted over the image's own, with the names as they are here.
  #nginxCommandOf(name: string, { volumes }: Service): string[] {
    const folder = this.#dataFolder(name);
    const written = this.#here(name, readFileSync(join(root, volumes![0]!.split(":")[0]!), "utf8"));
    const config = written.replace("http {", `http {\n${ownTemporaryFolders(folder)}`);
    writeFileSync(join(folder, "nginx.conf"), config);
    const main = `daemon off; pid ${folder}/pid; ${process.getuid?.() === 0 ? "user root;" : ""}`;
    return [nginxBinary, "-p", folder, "-c", "nginx.conf", "-e", "stderr", "-g", main];
  }

  // The file that is mounted, for the folder and the server that are here: before 2.10 it knows no `always`.
  #natsConfigOf(name: string, { volumes }: Service): string {
    const [mounted] = volumes!.map((volume) => volume.split(":")[0]!);
    const written = readFileSync(join(root, mounted!), "utf8").replace(
      "/data",
      `"${this.#dataFolder(name)}"`,
    );
    const isOld = /v2\.9\./.test(spawnSync(natsServer, ["--version"], { encoding: "utf8" }).stdout);
    const file = join(this.#dataFolder(name), "nats.conf");
    writeFileSync(file, isOld ? written.replace("sync_interval: always", "") : written);
    return file;
  }

  // The image's volume is the folder that the server keeps its things in.
  #dataOf(name: string): string[] {
    return name === "receiver" ? [] : ["--data", this.#dataFolder(name)];
  }

  #dataFolder(name: string): string {
    const folder = join(this.#folder, name);
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  // A text of the file with its names and places as they are on this machine.
  #here(name: string, text: string): string {
    return text
      .replace(/\$\{\w+:-([^}]*)\}/g, "$1")
      .replace(/(nats-\d):(\d+)/g, (_, host, port) => `127.0.0.1:${this.#ports.get(`${host}:${port}`)}`)
      .replace(/0\.0\.0\.0:(\d+)/g, (_, port) => `127.0.0.1:${this.#ports.get(`${name}:${port}`)}`)
      .replace(/localhost:8601/g, `127.0.0.1:${this.#ports.get("front:8601")}`)
      .replace(/\b(ingest-\d|control):8601/g, (place) => `127.0.0.1:${this.#ports.get(place)}`)
      .replace("listen 8601", `listen 127.0.0.1:${this.#ports.get("front:8601")}`)
      .replace(/\b8700 0\.0\.0\.0/, `${this.#ports.get("receiver:8700")} 127.0.0.1`)
      .replace(/--http_port (\d+)/, (_, port) => `--http_port ${this.#ports.get(`${name}:${port}`)}`)
      .replace("172.16.0.0/12", "127.0.0.0/8");
  }

  async #isHealthy(name: string, service: Service): Promise<boolean> {
    if (service.image.startsWith("nats"))
      return isOk(`http://127.0.0.1:${this.#ports.get(`${name}:8222`)}/healthz`);
    if (name === "receiver") return this.output(name).includes("receives on");
    return isOk(`${this.url(name)}/readyz`);
  }
}

// What the containers' health checks ask.
const isOk = (url: string): Promise<boolean> =>
  fetch(url).then(
    ({ ok }) => ok,
    () => false,
  );
