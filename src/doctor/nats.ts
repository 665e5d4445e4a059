/** Checks the NATS servers of `--nats`: version, JetStream, replicas, and when they sync. */
import { readFileSync } from "node:fs";
import {
  connect,
  credsAuthenticator,
  type JetStreamManager,
  type NatsConnection,
  type StreamInfo,
} from "nats";
import { request } from "undici";
import type { Config } from "../config.ts";
import { type Finding, ill, unknown, warning, well } from "./finding.ts";

type Settings = Pick<Config, "nats" | "natsCreds" | "natsCa" | "natsReplicas">;

const askMsMax = 3_000;
/** The oldest supported version, and the first without issue 4320 of nats-server (docs/decisions/002). */
const oldest = [2, 9];
const firstSound = [2, 10];
const skewMsMax = 1_000;
const usualMonitoringPort = 8222;

/** Empty if the log is embedded. */
export async function lookAtNats(
  settings: Settings,
  nowMs: () => number,
  monitoringPort = usualMonitoringPort,
): Promise<readonly Finding[]> {
  const { nats: urls, natsCreds, natsCa, natsReplicas } = settings;
  if (urls === undefined) return [];
  let connection: NatsConnection;
  try {
    connection = await connect({
      servers: [...urls],
      name: "tailrace doctor",
      timeout: askMsMax,
      reconnect: false,
      ...(natsCreds !== undefined && { authenticator: credsAuthenticator(readFileSync(natsCreds)) }),
      ...(natsCa !== undefined && { tls: { caFile: natsCa } }),
    });
  } catch (failure) {
    const code = (failure as { code?: string }).code ?? (failure as Error).message;
    return [
      ill(
        "nats",
        `no server of --nats takes a connection (${code})`,
        "Check the URLs, the credentials and the servers.",
      ),
    ];
  }
  try {
    return [
      versionOf(connection, natsReplicas),
      ...(await lookAtJetStream(connection, natsReplicas, nowMs)),
      await lookAtSync(urls, monitoringPort),
    ];
  } finally {
    await connection.close();
  }
}

function versionOf({ info }: NatsConnection, replicas: number): Finding {
  const version = info?.version ?? "0.0.0";
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const isBefore = ([a, b]: readonly number[]) => major < a! || (major === a && minor < b!);
  if (isBefore(oldest))
    return ill("nats", `nats-server ${version} is too old`, `Use ${oldest.join(".")} or newer.`);
  return isBefore(firstSound) && replicas > 1
    ? warning(
        "nats",
        `nats-server ${version} may differ between copies after a server was frozen`,
        `Use ${firstSound.join(".")} or newer for more than one copy.`,
      )
    : well("nats", `nats-server ${version}`);
}

async function lookAtJetStream(
  connection: NatsConnection,
  replicas: number,
  nowMs: () => number,
): Promise<readonly Finding[]> {
  let manager: JetStreamManager;
  try {
    manager = await connection.jetstreamManager({ timeout: askMsMax });
  } catch {
    return [
      ill(
        "jetstream",
        "it does not answer: it is off, or a majority of the servers is away",
        "Start every nats-server with JetStream (-js, or `jetstream {}`), and those that are missing: two of three have to run.",
      ),
    ];
  }
  const streams: StreamInfo[] = [];
  for await (const stream of manager.streams.list("log.>")) streams.push(stream);
  if (streams.length === 0) return [well("jetstream", "it is on; the log is made at the first start")];
  return [
    ...missingOf(streams.map(({ config }) => config.name)),
    copiesOf(streams, replicas),
    ...lagOf(streams),
    skewOf(streams, nowMs()),
  ];
}

/** Streams of the log are numbered from 0. One that is missing behind all others cannot be seen. */
function missingOf(names: readonly string[]): readonly Finding[] {
  const numbers = new Set(names.map((name) => Number(/\d+$/.exec(name)?.[0])));
  const missing = Array.from({ length: Math.max(...numbers) + 1 }, (_, number) => number).filter(
    (number) => !numbers.has(number),
  );
  return missing.length === 0
    ? []
    : [
        ill(
          "streams",
          `deleted from NATS: ${missing.map((number) => `tailrace-log-${number}`).join(", ")}`,
          "Restore them from a backup (docs/backup.md), or restart tailrace, which makes them again, empty.",
        ),
      ];
}

function copiesOf(streams: readonly StreamInfo[], wanted: number): Finding {
  const other = streams.filter(({ config }) => config.num_replicas !== wanted);
  return other.length > 0
    ? ill(
        "copies",
        `${other.length} of ${streams.length} streams have ${other[0]!.config.num_replicas} copies, and --nats-replicas says ${wanted}`,
        "Change the streams (`nats stream edit --replicas`) or the setting: the start refuses the difference.",
      )
    : well("copies", `each of ${streams.length} streams has ${wanted}`);
}

function lagOf(streams: readonly StreamInfo[]): readonly Finding[] {
  const lagging = streams.filter(({ cluster }) =>
    (cluster?.replicas ?? []).some(({ current, offline }) => !current || offline === true),
  );
  return lagging.length === 0
    ? []
    : [
        warning(
          "copies",
          `${lagging.length} streams have a copy that is behind or away`,
          "Look at the servers of the cluster: until it is there again, one more loss stops the log.",
        ),
      ];
}

// The servers put a timestamp into their answers, so their clock can be compared with ours.
function skewOf(streams: readonly StreamInfo[], nowMs: number): Finding {
  const stamp = Date.parse((streams[0] as { readonly ts?: string }).ts ?? "");
  if (Number.isNaN(stamp))
    return unknown("clock", "the clock of the NATS servers cannot be seen", "Servers from 2.10 on tell it.");
  const skewMs = Math.abs(nowMs - stamp);
  return skewMs > skewMsMax
    ? warning(
        "clock",
        `it is ${Math.round(skewMs / 1000)} s away from that of the NATS servers`,
        "Turn NTP on at both.",
      )
    : well("clock", "it agrees with that of the NATS servers");
}

/** An acknowledgement is only as good as the servers' syncs; their monitoring port tells how they are configured. */
async function lookAtSync(urls: readonly string[], monitoringPort: number): Promise<Finding> {
  const { hostname } = new URL(urls[0]!);
  try {
    const { body } = await request(`http://${hostname}:${monitoringPort}/jsz`, {
      headersTimeout: askMsMax,
      bodyTimeout: askMsMax,
    });
    const { config } = (await body.json()) as {
      readonly config?: { readonly sync_interval?: number; readonly sync_always?: boolean };
    };
    if (config?.sync_always === true) return well("sync", "the servers sync before they acknowledge");
    if (config?.sync_interval !== undefined)
      return warning(
        "sync",
        `the servers sync every ${config.sync_interval / 1e9} s: a loss of power can take what was acknowledged since`,
        "Set `sync_interval: always` in their `jetstream` block, or keep copies on three machines.",
      );
  } catch {
    // Reported below: a server without monitoring is a legitimate choice.
  }
  return unknown(
    "sync",
    "when the NATS servers sync cannot be seen",
    `Set \`sync_interval: always\` in their \`jetstream\` block. Servers from 2.10 on tell it at their monitoring port (-m ${monitoringPort}).`,
  );
}
