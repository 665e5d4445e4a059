/**
 * The settings table: flag, variable, default with its unit, help and parser in one place; the parsers are in
 * `setting-parsers.ts`. commander does the rest.
 * Nothing else reads the environment or knows a default.
 */
import { readFileSync } from "node:fs";
import { InvalidArgumentError, Option } from "commander";
import ipaddr from "ipaddr.js";
import {
  type Address,
  address,
  addressOrOff,
  cidrs,
  duration,
  httpUrl,
  ingestToken,
  natsUrls,
  positiveCount,
  readableFile,
  replicas,
  shardCount,
  size,
} from "./setting-parsers.ts";

/** The roles of a process. `control` answers the API. */
export const roles = ["ingest", "tail", "drain", "control"] as const;
export type Role = (typeof roles)[number];

/** Every setting of `tailrace serve`, read once and passed on by parts. */
export type Config = {
  readonly http: Address;
  /** Absent: its contents are served at `http`. */
  readonly admin?: Address;
  readonly syslog: Address | "off";
  /** Absent: there is no such listener; the same for the two below. */
  readonly syslogTls?: Address;
  readonly syslogUdp?: Address;
  readonly relp?: Address;
  /** For frames that name no token. */
  readonly syslogDefaultToken?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  /** Absent: senders are not asked for a certificate. */
  readonly tlsClientCa?: string;
  readonly tlsClientTokens?: string;
  readonly data: string;
  /** Absent: the embedded engine. */
  readonly nats?: readonly string[];
  readonly natsCreds?: string;
  readonly natsCa?: string;
  readonly natsReplicas: number;
  /** Absent: as many as when the log was created, or else 16. */
  readonly natsShards?: number;
  readonly roles: readonly Role[];
  readonly publicUrl?: string;
  /** Absent: `publicUrl`. */
  readonly ingestUrl?: string;
  readonly drainAllow: readonly string[];
  /** Absent: there are no add-ons. */
  readonly addons?: string;
  /** Absent: no canary. */
  readonly canary?: number;
  readonly historyLines: number;
  readonly retain: number;
  readonly retainApp: number;
  readonly retainTotal: number;
  readonly logLevel: "debug" | "info" | "warn" | "error" | "silent";
  readonly dev: boolean;
};

/** `TAILRACE_API_KEY`: the operator's key, which may do everything. Without it one is made and kept in the data folder. */
const operatorKeyVariable = "TAILRACE_API_KEY";

/** All flags of `tailrace serve`. */
export const serveOptions = (): Option[] => [
  new Option("--http <host:port>", "ingest, API, streams, health and metrics")
    .env("TAILRACE_HTTP")
    .argParser(address)
    .default({ host: "127.0.0.1", port: 8601 }, "127.0.0.1:8601"),
  new Option(
    "--admin <host:port>",
    "metrics, health, /docs and settings for the operator; --http then has no metrics and no /docs",
  )
    .env("TAILRACE_ADMIN")
    .argParser(address),
  new Option("--syslog <host:port>", "syslog over TCP, counted frames or lines; off disables it")
    .env("TAILRACE_SYSLOG")
    .argParser(addressOrOff)
    .default({ host: "127.0.0.1", port: 6001 }, "127.0.0.1:6001"),
  new Option("--syslog-tls <host:port>", "syslog over TLS 1.2 and 1.3, with --tls-cert")
    .env("TAILRACE_SYSLOG_TLS")
    .argParser(address),
  new Option("--syslog-udp <host:port>", "syslog over UDP, which can lose lines")
    .env("TAILRACE_SYSLOG_UDP")
    .argParser(address),
  new Option("--relp <host:port>", "RELP, syslog with answers; over TLS when there is --tls-cert")
    .env("TAILRACE_RELP")
    .argParser(address),
  new Option("--syslog-default-token <token>", "takes syslog frames that name no token")
    .env("TAILRACE_SYSLOG_DEFAULT_TOKEN")
    .argParser(ingestToken),
  new Option("--tls-cert <file>", "certificate chain (PEM): --http speaks HTTPS")
    .env("TAILRACE_TLS_CERT")
    .argParser(readableFile),
  new Option("--tls-key <file>", "private key (PEM) of --tls-cert")
    .env("TAILRACE_TLS_KEY")
    .argParser(readableFile),
  new Option(
    "--tls-client-ca <file>",
    "authority (PEM) of certificates that syslog and RELP senders may show",
  )
    .env("TAILRACE_TLS_CLIENT_CA")
    .argParser(readableFile),
  new Option("--tls-client-tokens <file>", "lines of NAME TOKEN: the tokens of senders by their certificates")
    .env("TAILRACE_TLS_CLIENT_TOKENS")
    .argParser(readableFile),
  new Option("--data <dir>", "where the embedded log and its records are kept")
    .env("TAILRACE_DATA")
    .default("./data"),
  new Option(
    "--nats <urls>",
    "keep the log on NATS JetStream; several servers of one cluster are separated by commas",
  )
    .env("TAILRACE_NATS")
    .argParser(natsUrls),
  new Option("--nats-creds <file>", "credentials for NATS, as nsc writes them")
    .env("TAILRACE_NATS_CREDS")
    .argParser(readableFile),
  new Option("--nats-ca <file>", "authority (PEM) of a NATS server that speaks TLS; its URL is tls://")
    .env("TAILRACE_NATS_CA")
    .argParser(readableFile),
  new Option("--nats-replicas <n>", "copies of each stream; 3 survives the loss of one of three servers")
    .env("TAILRACE_NATS_REPLICAS")
    .argParser(replicas)
    .default(1),
  new Option("--nats-shards <n>", "streams that the log is spread over; fixed at the first start (16)")
    .env("TAILRACE_NATS_SHARDS")
    .argParser(shardCount),
  new Option("--roles <list>", "what this process does; fewer roles only with --nats")
    .env("TAILRACE_ROLES")
    .argParser(roleList)
    .default(roles, roles.join(",")),
  new Option("--public-url <url>", "how clients reach this server; used in every URL handed out")
    .env("TAILRACE_PUBLIC_URL")
    .argParser(httpUrl),
  new Option("--ingest-url <url>", "where senders are told to send, if not at --public-url")
    .env("TAILRACE_INGEST_URL")
    .argParser(httpUrl),
  new Option(
    "--addons <dir>",
    "a folder with manifests of add-ons, `addon-manifest.json` as Heroku's partners write them",
  ).env("TAILRACE_ADDONS"),
  new Option("--drain-allow <cidrs>", "private addresses that drains may use; several add up")
    .env("TAILRACE_DRAIN_ALLOW")
    .argParser(cidrs)
    .default([], "none"),
  new Option(
    "--canary <time>",
    "send a numbered line through the whole server this often, and report in metrics how long it took",
  )
    .env("TAILRACE_CANARY")
    .argParser(duration),
  new Option("--history-lines <n>", "lines of an app that `logs -n` can show")
    .env("TAILRACE_HISTORY_LINES")
    .argParser(positiveCount)
    .default(1500),
  new Option("--retain <age>", "lines older than this are trimmed")
    .env("TAILRACE_RETAIN")
    .argParser(duration)
    .default(duration("7d"), "7d"),
  new Option("--retain-app <bytes>", "log of one app at most")
    .env("TAILRACE_RETAIN_APP")
    .argParser(size)
    .default(size("64MiB"), "64MiB"),
  new Option("--retain-total <bytes>", "log of all apps at most")
    .env("TAILRACE_RETAIN_TOTAL")
    .argParser(size)
    .default(size("10GiB"), "10GiB"),
  new Option("--log-level <level>", "the server's own log, JSON on standard output")
    .env("TAILRACE_LOG_LEVEL")
    .choices(["debug", "info", "warn", "error", "silent"])
    .default("info"),
  new Option("--dev", "for one developer's machine: loopback only, drains to loopback allowed").default(
    false,
  ),
];

/** Checks what depends on several flags. Throws with the mend. */
export function checkConfig(config: Config): Config {
  if ((config.tlsCert === undefined) !== (config.tlsKey === undefined)) {
    throw new InvalidArgumentError("--tls-cert and --tls-key go together. Give both, or neither.");
  }
  for (const [flag, given] of [
    ["--syslog-tls", config.syslogTls],
    ["--tls-client-ca", config.tlsClientCa],
  ] as const) {
    if (given !== undefined && config.tlsCert === undefined)
      throw new InvalidArgumentError(`${flag} needs a certificate. Give --tls-cert and --tls-key.`);
  }
  if (config.tlsClientTokens !== undefined && config.tlsClientCa === undefined)
    throw new InvalidArgumentError(
      "--tls-client-tokens needs an authority that vouches for the names. Give --tls-client-ca.",
    );
  if (config.nats === undefined && config.roles.length < roles.length) {
    throw new InvalidArgumentError(
      "--roles leaves some out, and the embedded store is one process alone. Give --nats, or leave --roles out.",
    );
  }
  for (const [flag, at] of [
    ["--http", config.http],
    ["--admin", config.admin ?? "off"],
    ["--syslog", config.syslog],
    ["--syslog-tls", config.syslogTls ?? "off"],
    ["--syslog-udp", config.syslogUdp ?? "off"],
    ["--relp", config.relp ?? "off"],
  ] as const) {
    if (config.dev && at !== "off" && !isLoopback(at.host)) {
      throw new InvalidArgumentError(
        `--dev listens on loopback only, and ${flag} is ${at.host}. Use 127.0.0.1, or leave --dev out.`,
      );
    }
  }
  return Object.freeze({ ...config });
}

/** A setting in force, written as for its flag. */
type ShownSetting = {
  readonly flag: string;
  readonly variable: string | null;
  readonly value: string | null;
};

/** Every setting in force. Passwords in addresses are left out. */
export const settingsInForce = (config: Config): readonly ShownSetting[] =>
  serveOptions().map((option) => {
    const value = config[option.attributeName() as keyof Config];
    return {
      flag: option.long!,
      variable: option.envVar ?? null,
      value: value === undefined ? null : shown(option, value),
    };
  });

function shown({ parseArg }: Option, value: NonNullable<Config[keyof Config]>): string {
  if (Array.isArray(value)) return value.map((part) => String(part).replace(/\/\/[^@/]*@/, "//…@")).join(",");
  if (typeof value === "object") {
    const { host, port } = value as Address;
    return `${host.includes(":") ? `[${host}]` : host}:${port}`;
  }
  if (parseArg === ingestToken) return "…"; // whoever reads it may write
  if (parseArg === duration) return inUnits(value as number, durationUnits);
  return parseArg === size ? inUnits(value as number, sizeUnits) : String(value);
}

const durationUnits = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };
const sizeUnits = { TiB: 2 ** 40, GiB: 2 ** 30, MiB: 2 ** 20, KiB: 2 ** 10, B: 1 };

// In the largest unit that is exact.
function inUnits(value: number, units: Readonly<Record<string, number>>): string {
  const [unit, size] = Object.entries(units).find(([, size]) => value % size === 0)!;
  return `${value / size}${unit}`;
}

/** The operator's key from the environment; undefined if it is not set. */
export const operatorKey = (): string | undefined => process.env[operatorKeyVariable] || undefined;

/** The version of this package. */
export const version: string = packageVersion();

function packageVersion(): string {
  // package.json is one folder above src/, and two above dist/src/.
  for (const path of ["../package.json", "../../package.json"]) {
    try {
      return (JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8")) as { version: string })
        .version;
    } catch {}
  }
  throw new Error("package.json is missing beside the program");
}

const isLoopback = (host: string) =>
  host === "localhost" || (ipaddr.isValid(host) && ipaddr.process(host).range() === "loopback");

function roleList(value: string): readonly Role[] {
  const wanted = value.split(",").map((text) => text.trim());
  const unknown = wanted.find((text) => !roles.includes(text as Role));
  if (unknown !== undefined) {
    throw new InvalidArgumentError(`"${unknown}" is no role. Write some of ${roles.join(",")}, with commas.`);
  }
  return roles.filter((role) => wanted.includes(role));
}
