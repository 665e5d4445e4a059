/** A NATS server that speaks TLS is trusted through the given authority, and through no other. */
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { realClock } from "../../src/clock.ts";
import { openNats } from "../../src/engines/nats/open.ts";
import { keepsAll } from "../contract/channel-log.ts";
import { batchOf, channelOf } from "../support/batches.ts";
import { type NatsCluster, startNats } from "../support/nats.ts";

const file = (name: string) => fileURLToPath(new URL(`../fixtures/tls/${name}.pem`, import.meta.url));

let nats: NatsCluster;

beforeEach(async () => {
  nats = await startNats(1, {
    config: `tls { cert_file: "${file("server")}", key_file: "${file("server-key")}", timeout: 5 }`,
  });
});
afterEach(() => nats.close());

const urls = () => nats.urls.map((url) => url.replace("nats://", "tls://"));

test("is used when its authority is known", async () => {
  const engine = await openNats({
    clock: realClock,
    urls: urls(),
    replicas: 1,
    retention: keepsAll,
    tls: { caFile: file("ca") },
  });
  await engine.log.append(channelOf(1), batchOf(["over TLS"]));
  const { batches } = await engine.log.recent(channelOf(1), 1);
  expect(Buffer.from(batches[0]!.bytes).toString()).toContain("over TLS");
  await engine.close();
});

test("is refused when its authority is not known, with the mend", async () => {
  const opening = openNats({
    clock: realClock,
    urls: urls(),
    replicas: 1,
    retention: keepsAll,
    connectMsMax: 500,
  });
  await expect(opening).rejects.toMatchObject({
    code: expect.stringMatching(/^NATS_/),
    mend: expect.any(String),
  });
});
