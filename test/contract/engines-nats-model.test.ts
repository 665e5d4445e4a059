/** The distributed engine keeps both contracts on a server in memory, where the test holds the time. */
import { openOn } from "../../src/engines/nats/open.ts";
import { NatsModel } from "../support/nats-model/server.ts";
import { channelLogContract, type OpenEngine } from "./channel-log.ts";
import { checkpointSheetsContract } from "./checkpoint-sheets.ts";
import { skipped } from "./skipped.ts";
import { storeContract } from "./store.ts";

const ownTime = "a stream's lines grow old by the server's time of day, which this one's clock does not move";
skipped({
  "a follower that retention passes goes on with what is left":
    "what came live is held in memory for a follower that has not taken it; retention.test.ts has one that comes later",
  "back and forth leaves lines that came meanwhile no longer than others": ownTime,
  "forward is believed when it has lasted an hour": ownTime,
});

const onServers =
  (knowsBatches: boolean): OpenEngine =>
  ({ clock, retention }) => {
    const server = new NatsModel(clock);
    server.knowsBatches = knowsBatches;
    return openOn(server.connect(), { clock, retention, replicas: 1, shards: 1, headIdleMs: 1000 });
  };

channelLogContract("nats", onServers(true));
channelLogContract("nats before 2.11", onServers(false));
storeContract("nats", onServers(true));
checkpointSheetsContract("nats", onServers(true));
