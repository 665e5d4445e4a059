/** Opens the engine that the settings select, and reports what is wrong with it. */
import { randomBytes } from "node:crypto";
import type { Logger } from "pino";
import { realClock } from "../clock.ts";
import type { Config } from "../config.ts";
import { recordPrefixes } from "../core/records/record-keys.ts";
import { holdsLog } from "../engines/disk/folder-format.ts";
import { openEmbedded } from "../engines/embedded.ts";
import { AppError } from "../errors/app-error.ts";
import { noOtherNodes } from "../other-nodes.ts";
import type { Clock, Store } from "../ports.ts";

/** The log and the store, wherever they are; `readiness` reports what is wrong with them. */
export async function openEngine(config: Config, clock: Clock, logger: Logger) {
  const retention = {
    ageMsMax: config.retain,
    channelBytesMax: config.retainApp,
    channelLinesMax: Number.POSITIVE_INFINITY,
    totalBytesMax: config.retainTotal,
  };
  if (config.nats === undefined) {
    const engine = await openEmbedded({ folder: config.data, clock, logger, retention });
    return {
      ...engine,
      others: noOtherNodes,
      readiness: async () => {
        const troubles = engine.troubles();
        return troubles.length > 0 ? troubles : unwritable(engine.store);
      },
    };
  }
  warnOfUnusedLog(config.data, logger);
  const { openNats } = await import("../engines/nats/open.ts"); // the embedded engine does not need this client
  const engine = await openNats({
    urls: config.nats,
    replicas: config.natsReplicas,
    ...(config.natsShards !== undefined && { shards: config.natsShards }),
    name: `tailrace ${config.roles.join(",")}`,
    retention,
    logger,
    clock,
    ...(config.natsCreds !== undefined && { credsFile: config.natsCreds }),
    ...(config.natsCa !== undefined && { tls: { caFile: config.natsCa } }),
  });
  return {
    ...engine,
    readiness: async () => {
      const { connected, jetstream, missing, failing } = engine.status();
      if (!connected) return ["there is no connection to NATS; it is tried again"];
      if (jetstream !== "ready") return ["JetStream does not answer"];
      if (missing.length > 0) return [streamsGone(missing)];
      return failing.length > 0 ? failing : unwritable(engine.store);
    },
  };
}

/** A server that was one machine's and is given `--nats` seems to have lost all of its apps. */
function warnOfUnusedLog(folder: string, logger: Logger): void {
  if (holdsLog(folder))
    logger.warn(
      { data: folder },
      "the folder of --data holds the log of an embedded store, which --nats does not use: its apps are not on NATS; docs/operating.md says how to move them",
    );
}

const streamsGone = (names: readonly string[]): string =>
  `deleted from NATS${names.some((name) => name.startsWith("KV_")) ? ", or emptied" : ""}: ${names.join(", ")}; restore them from a backup, or restart tailrace, which makes them again, empty`;

/** The secret that signs session URLs: the same on every node and after every restart. */
export async function sharedSecret(store: Store): Promise<Buffer> {
  const key = recordPrefixes.sessionSecret;
  await store.put(key, randomBytes(32).toString("base64url"), 0); // the first node makes it
  const record = await store.get<string>(key);
  return Buffer.from(record!.value, "base64url");
}

/** A server is ready if it can write: a full disk shows here before a sender gets a 503. */
async function unwritable(store: Store): Promise<readonly string[]> {
  const key = recordPrefixes.readyCheck;
  try {
    const before = await store.get(key);
    await store.put(key, realClock.nowMs(), before?.revision ?? 0);
    return [];
  } catch (error) {
    return [error instanceof AppError ? error.message : "the store cannot be written"];
  }
}
