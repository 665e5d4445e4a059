/** Checks the addresses in the settings: the server could listen there, or already does. */
import { createServer } from "node:net";
import { request } from "undici";
import type { Config } from "../config.ts";
import { isFolderTaken } from "../engines/disk/folder-lock.ts";
import { AppError } from "../errors/app-error.ts";
import type { Address } from "../setting-parsers.ts";
import { listenFailure } from "../sockets/listen-failure.ts";
import { type Finding, ill, well } from "./finding.ts";

const askMsMax = 2_000;

type Listener = readonly [part: "http" | "admin" | "syslog", at: Address | "off" | undefined];

/** One finding per address. */
export async function lookAtListeners(config: Config): Promise<readonly Finding[]> {
  const listeners: readonly Listener[] = [
    ["http", config.http],
    ["admin", config.admin],
    ["syslog", config.syslog],
  ];
  const runs = (await isTailrace(config)) && (await mayHaveData(config));
  const found: Finding[] = [];
  for (const [part, at] of listeners)
    if (typeof at === "object") found.push(await lookAtListener(part, at, runs));
  return found;
}

async function lookAtListener(part: Listener[0], at: Address, runs: boolean): Promise<Finding> {
  const address = `${at.host.includes(":") ? `[${at.host}]` : at.host}:${at.port}`;
  try {
    await listenOnce(at);
    return well(part, `${address} is free`);
  } catch (cause) {
    if (runs && (cause as NodeJS.ErrnoException).code === "EADDRINUSE")
      return well(part, `${address} is taken: a tailrace server runs here`);
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

/** True if a tailrace server answers at `--http`. Its certificate is checked elsewhere. */
async function isTailrace({ http, tlsCert }: Pick<Config, "http" | "tlsCert">): Promise<boolean> {
  const host = ["0.0.0.0", "::"].includes(http.host) ? "127.0.0.1" : http.host;
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
