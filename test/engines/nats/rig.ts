/** Parts of the engine on a server in memory, with one shard, by a clock that a test holds. */

import { BackgroundFailures } from "../../../src/background-failures.ts";
import { readingParts } from "../../../src/engines/nats/log/messages-after.ts";
import { Reader } from "../../../src/engines/nats/log/reader.ts";
import { encodeMessage, type Head, headAfter } from "../../../src/engines/nats/log/stored.ts";
import { logStream } from "../../../src/engines/nats/streams.ts";
import { Publisher } from "../../../src/engines/nats/wire/publisher.ts";
import { StreamApi } from "../../../src/engines/nats/wire/stream-api.ts";
import { Untaken } from "../../../src/engines/nats/wire/untaken.ts";
import { keepsAll } from "../../contract/channel-log.ts";
import { batchOf, channelOf } from "../../support/batches.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { NatsModel } from "../../support/nats-model/server.ts";

export const channel = channelOf(1);

export function rig(replicas = 1, untaken = new Untaken()) {
  const clock = new FakeClock();
  const server = new NatsModel(clock);
  server.add(logStream(0, 1, 1, keepsAll));
  const wire = server.connect();
  const api = new StreamApi(wire, clock);
  const publisher = new Publisher(wire, clock);
  const reader = new Reader(readingParts(wire, api, clock, untaken), { id: "log", shards: 1, replicas });
  const logged: { readonly err: unknown }[] = [];
  const failures = new BackgroundFailures({
    logger: { warn: (fields: { err: unknown }) => logged.push(fields) } as never,
    nowMs: () => clock.monotonicMs(),
  });
  const stream = server.streams.get("tailrace-log-0")!;
  let head: Head = { sequence: 0, line: 0, bytes: 0 };
  /** Writes batches of one line each as another process would; the channel's end. */
  const write = async (...texts: string[]): Promise<Head> => {
    for (const text of texts) {
      const batch = batchOf([text]);
      const { log } = reader.place(channel);
      const published = publisher.publish(
        {
          subject: log,
          payload: encodeMessage(head, batch),
          id: `${text}@${head.line}`,
          expected: head.sequence,
        },
        10_000,
      );
      const { sequence } = (await published) as { sequence: number };
      head = headAfter(head, batch, sequence);
    }
    return head;
  };
  return { clock, server, stream, wire, api, publisher, reader, failures, logged, write };
}
