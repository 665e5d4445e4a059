/** The distributed engine keeps both contracts, on a real server. */
import { connect, type NatsConnection } from "nats";
import { afterAll, beforeAll, describe, test } from "vitest";
import { realClock } from "../../src/clock.ts";
import { openNats } from "../../src/engines/nats/open.ts";
import { type NatsCluster, newerServer, startNats } from "../support/nats.ts";
import { channelLogContract, type OpenEngine } from "./channel-log.ts";
import { checkpointSheetsContract } from "./checkpoint-sheets.ts";
import { skipped } from "./skipped.ts";
import { storeContract } from "./store.ts";

const ownTime = "the server keeps its own time: engines-nats-model.test.ts has it by a clock that moves";
const streamTime = "a stream's lines grow old by the server's time of day";
skipped({
  "by age takes old lines of a channel that nobody writes to": ownTime,
  "no line number is used twice, also when everything was trimmed": ownTime,
  "an id is forgotten after 10 minutes, not before": ownTime,
  "a follower that retention passes goes on with what is left": ownTime,
  "back and forth leaves lines that came meanwhile no longer than others": streamTime,
  "forward is believed when it has lasted an hour": streamTime,
});

const onServer = (name: string, program?: string) =>
  describe(name, () => {
    let cluster: NatsCluster;
    let admin: NatsConnection;
    beforeAll(async () => {
      cluster = await startNats(1, { ...(program !== undefined && { program }) });
      admin = await connect({ servers: [...cluster.urls] });
    });
    afterAll(async () => {
      await admin?.close();
      await cluster?.close();
    });
    const openEmpty: OpenEngine = async ({ retention }) => {
      const jsm = await admin.jetstreamManager();
      for await (const { config } of jsm.streams.list()) await jsm.streams.delete(config.name);
      return openNats({ clock: realClock, urls: cluster.urls, replicas: 1, shards: 1, retention });
    };
    channelLogContract("nats", openEmpty);
    storeContract("nats", openEmpty);
    checkpointSheetsContract("nats", openEmpty);
  });

onServer("the installed server");
if (newerServer !== undefined) onServer("a newer server", newerServer);
else
  test("a newer server keeps them too", ({ skip }) => {
    skip("NATS_SERVER_NEWER names no nats-server 2.11 or newer");
  });
