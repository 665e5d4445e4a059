/** Checks the addresses in the settings: the server could listen there, or already does. */
import { createSocket } from "node:dgram";
import { connect, createServer } from "node:net";
import { request } from "undici";
import type { Config } from "../config.ts";
import { isFolderTaken } from "../engines/disk/folder-lock.ts";
import { AppError } from "../errors/app-error.ts";
import type { Address } from "../setting-parsers.ts";
import { listenFailure } from "../sockets/listen-failure.ts";
import { type Finding, ill, well } from "./finding.ts";

const askMsMax = 2_000;
/** How long a server of another protocol has to greet. */
const greetingMsMax = 300;

type Part = "http" | "admin" | "syslog" | "syslog-tls" | "syslog-udp" | "relp";

/** One finding per address at which a server with these roles listens. */
export async function lookAtListeners(config: Config): Promise<readonly Finding[]> {
  const takesLines = config.roles.includes("ingest");
  const listeners: readonly (readonly [Part, Address | "off" | undefined])[] = [
    ["http", config.http],
    ["admin", config.admin],
    ["syslog", takesLines ? config.syslog : undefined],
    ["syslog-tls", takesLines ? config.syslogTls : undefined],
    ["syslog-udp", takesLines ? config.syslogUdp : undefined],
    ["relp", takesLines ? config.relp : undefined],
  ];
  const runs = (await isTailrace(config)) && (await mayHaveData(config));
  const found: Finding[] = [];
  for (const [part, at] of listeners)
    if (typeof at === "object") found.push(await lookAtListener(part, at, runs));
  return found;
}

async function lookAtListener(part: Part, at: Address, runs: boolean): Promise<Finding> {
  const address = `${at.host.includes(":") ? `[${at.host}]` : at.host}:${at.port}`;
  try {
    await (part === "syslog-udp" ? bindOnce(at) : listenOnce(at));
    return well(part, `${address} is free`);
  } catch (cause) {
    const isTaken = (cause as NodeJS.ErrnoException).code === "EADDRINUSE";
    if (isTaken && runs && part === "http")
      return well(part, `${address} is taken: a tailrace server runs here`);
    if (isTaken && runs && (part === "syslog-udp" || (await isSilent(at))))
      return well(part, `${address} is taken, as far as can be seen by the tailrace server that runs here`);
    const failure = listenFailure(`--${part}`, at, cause);
    return failure instanceof AppError
      ? ill(part, failure.message, failure.mend)
      : ill(part, `nothing can listen at ${address}: ${(cause as Error).message}`, `Give another --${part}.`);
  }
}

/** False if the server that runs must be another one, since nobody has the folder of --data. */
const mayHaveData = async ({ data, nats }: Pick<Config, "data" | "nats">): Promise<boolean> =>
  nats !== undefined || (await isFolderTaken(data).catch(() => true));

function listenOnce({ host, port }: Address): Promise<void> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve()));
  });
}

/** True if what listens there says nothing by itself, as a server of tailrace: many others greet first. */
function isSilent({ host, port }: Address): Promise<boolean> {
  const socket = connect({ host: loopbackOf(host), port });
  return new Promise((resolve) => {
    const done = (silent: boolean) => {
      socket.destroy();
      resolve(silent);
    };
    socket.setTimeout(greetingMsMax, () => done(true));
    socket.once("data", () => done(false));
    socket.once("error", () => done(true));
    socket.once("close", () => done(true));
  });
}

/** The address at which one reaches what listens at all of them. */
const loopbackOf = (host: string): string => (["0.0.0.0", "::"].includes(host) ? "127.0.0.1" : host);

function bindOnce({ host, port }: Address): Promise<void> {
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.bind({ address: host, port, exclusive: true }, () => socket.close(() => resolve()));
  });
}

/** True if a tailrace server answers at `--http`. Its certificate is checked elsewhere. */
async function isTailrace({ http, tlsCert }: Pick<Config, "http" | "tlsCert">): Promise<boolean> {
  const host = loopbackOf(http.host);
  const url = `${tlsCert === undefined ? "http" : "https"}://${host.includes(":") ? `[${host}]` : host}:${http.port}/healthz`;
  const { Agent } = await import("undici");
  const dispatcher = new Agent({ connect: { rejectUnauthorized: false, timeout: askMsMax } });
  try {
    const { statusCode, body } = await request(url, {
      dispatcher,
      bodyTimeout: askMsMax,
      headersTimeout: askMsMax,
    });
    const text = await body.text();
    return statusCode === 200 && (JSON.parse(text) as { alive?: unknown }).alive === true;
  } catch {
    return false;
  } finally {
    await dispatcher.destroy();
  }
}
