/** The distributed engine keeps both contracts, on a real server. */
import { connect, type NatsConnection } from "nats";
import { afterAll, beforeAll, beforeEach } from "vitest";
import { realClock } from "../../src/clock.ts";
import { openNats } from "../../src/engines/nats/open.ts";
import { type NatsCluster, startNats } from "../support/nats.ts";
import { channelLogContract, type OpenEngine } from "./channel-log.ts";
import { storeContract } from "./store.ts";

let cluster: NatsCluster;
let admin: NatsConnection;

/** What depends on the test's clock: the server keeps its own. `nats-faults.test.ts` has the first three by real time; the last is a setting of the stream. */
const byOwnTime = new Set([
  "by age takes old lines of a channel that nobody writes to",
  "no line number is used twice, also when everything was trimmed",
  "a follower that retention passes goes on with what is left",
  "an id is forgotten after 10 minutes, not before",
  "back and forth leaves lines that came meanwhile no longer than others",
  "forward is believed when it has lasted an hour",
]);

beforeAll(async () => {
  cluster = await startNats();
  admin = await connect({ servers: [...cluster.urls] });
});
afterAll(async () => {
  await admin?.close();
  await cluster?.close();
});
beforeEach(({ task, skip }) => {
  if (byOwnTime.has(task.name)) skip("the server keeps its own time");
});

const openEmpty: OpenEngine = async ({ retention }) => {
  const jsm = await admin.jetstreamManager();
  for await (const { config } of jsm.streams.list()) await jsm.streams.delete(config.name);
  return openNats({ clock: realClock, urls: cluster.urls, replicas: 1, shards: 1, retention });
};

channelLogContract("nats", openEmpty);
storeContract("nats", openEmpty);
