/** An ingest node over an engine: both doors, the real registry, and the log as readers see it. */
import type { AddressInfo } from "node:net";
import fastify from "fastify";
import { pino } from "pino";
import { realClock as clock } from "../../src/clock.ts";
import { LineCursor } from "../../src/core/batch/line-cursor.ts";
import type { ChannelId } from "../../src/core/ids.ts";
import type { Engine } from "../../src/engines/engine.ts";
import { BodyBudget } from "../../src/ingest/bodies/body-budget.ts";
import { ingestHttp } from "../../src/ingest/http/http.ts";
import { ingestLimits } from "../../src/ingest/limits.ts";
import { AppendQueues } from "../../src/ingest/queues/append-queues.ts";
import { syslogListener } from "../../src/ingest/syslog/syslog.ts";
import { Keys } from "../../src/registry/keys.ts";
import { Tokens } from "../../src/registry/tokens.ts";
import { alone, silent } from "./registry.ts";

export type IngestNode = Awaited<ReturnType<typeof openNode>>;

/** Takes lines for the apps of the engine's registry. */
export async function openNode(engine: Engine) {
  const tokens = new Tokens({ store: engine.store, clock, cacheEntriesMax: 100 });
  const keys = new Keys({ store: engine.store, clock, operatorSecret: "operator", cacheEntriesMax: 100 });
  const queues = new AppendQueues({ ...ingestLimits, log: engine.log, clock, logger: silent });
  const server = fastify();
  const bodies = new BodyBudget(queues.budget, ingestLimits);
  const addressOf = () => "here";
  await server.register(ingestHttp, {
    ...ingestLimits,
    queues,
    bodies,
    addressOf,
    tokens,
    keys,
    clock,
    ...alone,
  });
  await server.listen({ host: "127.0.0.1", port: 0 });
  const logger = pino({ level: "silent" });
  const address = { host: "127.0.0.1", port: 0 };
  const syslog = await syslogListener({
    ...ingestLimits,
    ...address,
    queues,
    tokens,
    logger,
    clock,
    ...alone,
  });
  return {
    syslogPort: syslog.address.port,
    tokens,
    /** The status of a `POST /logs` with that token. */
    post: async (token: string, body: Uint8Array, headers: Record<string, string> = {}): Promise<number> => {
      const url = `http://127.0.0.1:${(server.server.address() as AddressInfo).port}/logs`;
      const own = { authorization: `Bearer ${token}`, "content-type": "application/logplex-1" };
      const sent = { method: "POST", body: new Uint8Array(body), headers: { ...own, ...headers } };
      return (await fetch(url, sent)).status;
    },
    async close() {
      await syslog.close();
      await server.close();
      await queues.close();
      await keys.close();
      await tokens.close();
    },
  };
}

/** The messages of a channel, in order. */
export async function messages(engine: Engine, channel: ChannelId): Promise<string[]> {
  const found: string[] = [];
  for (const { bytes, form } of (await engine.log.recent(channel, 100_000)).batches) {
    const line = new LineCursor().open(bytes, form);
    while (line.next())
      found.push(Buffer.from(bytes.subarray(line.messageStart, line.messageEnd)).toString());
  }
  return found;
}
