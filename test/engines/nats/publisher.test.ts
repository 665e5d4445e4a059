/** Publishing: one answer for each publish, whatever becomes of messages and acknowledgements. */
import { expect, test } from "vitest";
import type { Published, Publisher } from "../../../src/engines/nats/wire/publisher.ts";
import { settled } from "../../support/fake-clock.ts";
import type { NatsModel } from "../../support/nats-model/server.ts";
import { rig } from "./rig.ts";

const publishOf = (id: string, bytes = 10) => ({
  subject: "log.0.x",
  payload: [Buffer.alloc(bytes, id)],
  id,
  expected: 0,
});

test("a publish is stored, and one that takes another message for the last is a conflict", async () => {
  const { publisher } = rig();
  expect(await publisher.publish(publishOf("a"), 1000)).toEqual({ kind: "stored", sequence: 1, attempts: 1 });
  expect(await publisher.publish(publishOf("b"), 1000)).toEqual({ kind: "conflict", attempts: 1 });
});

test("what gets no answer is published again under its id, and stored once", async () => {
  const { publisher, server, stream, clock } = rig();
  server.acksToLose = 1;
  const published = publisher.publish(publishOf("a"), 10_000);
  await clock.advance(1900);
  expect(server.published).toHaveLength(1);
  await clock.advance(200);
  expect(await published).toEqual({ kind: "duplicate", sequence: 1, attempts: 2 });
  expect(stream.pending(1, ">")).toBe(1);
});

test("a repeat of what the server does not know yet to be stored is asked again soon", async () => {
  const { publisher, server, clock } = rig();
  const deliver = server.deliver;
  let isAnswered = false;
  server.deliver = (to, delivery) => {
    const isAck = !isAnswered && to !== "log.0.x" && !to.startsWith("live.");
    isAnswered ||= isAck;
    const payload = Buffer.from('{"stream":"tailrace-log-0","seq":0,"duplicate":true}');
    return deliver.call(server, to, isAck ? { ...delivery, payload } : delivery);
  };
  const published = publisher.publish(publishOf("a"), 10_000);
  await clock.advance(300);
  expect(await published).toEqual({ kind: "duplicate", sequence: 1, attempts: 2 });
});

test("a stream without a leader is asked again soon, until it has one", async () => {
  const { publisher, server, clock } = rig();
  server.isLeaderless = true;
  const published = publisher.publish(publishOf("a"), 10_000);
  await clock.advance(1000);
  server.isLeaderless = false;
  await clock.advance(300);
  expect(await published).toMatchObject({ kind: "stored", sequence: 1 });
});

test("what is published while the connection is broken goes out when it is back", async () => {
  const { publisher, wire, server } = rig();
  wire.break();
  const published = publisher.publish(publishOf("a"), 10_000);
  await settled();
  expect(server.published).toEqual([]);
  wire.restore();
  expect(await published).toEqual({ kind: "stored", sequence: 1, attempts: 1 });
});

test("gives up when its time is over, and says how often it tried", async () => {
  const { publisher, server, clock } = rig();
  server.isSilent = true;
  const published = publisher.publish(publishOf("a"), 5000);
  await clock.advance(5100);
  const { cause, ...rest } = (await published) as { kind: string; cause: Error };
  expect(rest).toEqual({ kind: "failed", full: false });
  expect(cause.message).toContain("no acknowledgement after 3 attempts");
  expect(clock.sleeping).toBe(0);
});

test.each([
  ["no room", 10047, true],
  ["another reason", 10049, false],
])("a server that refuses with %s", async (description, errorCode, full) => {
  const { publisher, server, clock } = rig();
  server.refusal = { code: 503, err_code: errorCode, description };
  const published = publisher.publish(publishOf("a"), 3000);
  await clock.advance(3100);
  expect(await published).toMatchObject({ kind: "failed", full });
});

const large = 512 * 1024;
const sent = (server: NatsModel) => server.published.map(({ subject }) => subject.slice("log.0.".length));
const publishTo = (publisher: Publisher, app: string, bytes: number, forMs = 10_000) => {
  const payload = [Buffer.alloc(bytes)];
  return publisher.publish({ subject: `log.0.${app}`, payload, id: `${app}`, expected: 0 }, forMs);
};

test("a line waits for no more than 1 MiB of others, however much has come before it", async () => {
  const { publisher, server } = rig();
  server.acksToLose = Number.POSITIVE_INFINITY;
  for (let n = 0; n < 50; n++) void publishTo(publisher, `busy${n}`, large);
  void publishTo(publisher, "quiet", 200);
  await settled();
  expect(sent(server)).toEqual(["busy0", "busy1", "quiet"]);
  publisher.close();
});

test("lines of many apps have a bound, too, and all go out as room is made", async () => {
  const { publisher, server } = rig();
  const answers: Published[] = [];
  for (let n = 0; n < 1_000; n++)
    publisher.send(publishOf(`${n}`, 16 * 1024), 10_000, (it) => answers.push(it));
  await Promise.resolve();
  expect(server.published.length).toBeLessThanOrEqual(256);
  await settled();
  expect(answers).toHaveLength(1_000);
});

test("apps with large batches take turns", async () => {
  const { publisher, server } = rig();
  const all = ["a", "a", "a", "a", "b", "b", "c"].map((app) => publishTo(publisher, app, large));
  await Promise.all(all);
  expect(sent(server)).toEqual(["a", "a", "a", "b", "c", "a", "b"]);
});

test("a message larger than all room goes alone", async () => {
  const { publisher, server } = rig();
  const all = [2 * large, 3 * large, 10, large].map((bytes, n) => publishTo(publisher, `${n}`, bytes));
  expect(await Promise.all(all)).toMatchObject(Array(4).fill({ kind: "stored" }));
  expect(sent(server)).toEqual(["0", "2", "1", "3"]);
});

test("what waits for room gives up when its time is over, and the others go on", async () => {
  const { publisher, server, clock } = rig();
  server.acksToLose = 2;
  const underWay = ["a", "b"].map((app) => publishTo(publisher, app, large, 1900));
  const impatient = publishTo(publisher, "c", large, 1000);
  const patient = publishTo(publisher, "d", large, 5000);
  await clock.advance(1500);
  expect(sent(server)).toEqual(["a", "b"]);
  await expect(impatient).resolves.toMatchObject({ kind: "failed" });
  await clock.advance(500);
  expect((await Promise.all(underWay)).every(({ kind }) => kind === "failed")).toBe(true);
  expect(await patient).toMatchObject({ kind: "stored", attempts: 1 });
  expect(sent(server)).toEqual(["a", "b", "d"]);
});

test("batches of a stream without a leader hold up none of another stream", async () => {
  const { publisher, server, clock } = rig();
  server.leaderless = /dead/;
  const dead = Array.from({ length: 20 }, (_, n) => publishTo(publisher, `dead${n}`, large));
  const live = ["a", "b", "c", "d"].map((app) => publishTo(publisher, app, large));
  await clock.advance(100);
  expect(await Promise.all(live)).toMatchObject(Array(4).fill({ kind: "stored" }));
  server.leaderless = undefined;
  await clock.advance(1000);
  expect(await Promise.all(dead)).toMatchObject(Array(20).fill({ kind: "stored" }));
});

test("an answer to an earlier attempt counts while the next one waits for room", async () => {
  const { publisher, server, clock } = rig();
  server.isSilent = true;
  const slow = publishTo(publisher, "slow", large);
  const others = ["a", "b", "c"].map((app) => publishTo(publisher, app, large));
  await clock.advance(2_050);
  server.isSilent = false;
  await clock.advance(2_200);
  expect(await Promise.all([slow, ...others])).toMatchObject(Array(4).fill({ kind: "stored" }));
  expect(clock.sleeping).toBe(0);
});

test("however many give up while they wait, the next ones go on", async () => {
  const { publisher, server, clock } = rig();
  server.isSilent = true;
  const answers: Published[] = [];
  const payload = [Buffer.alloc(large)];
  const send = (app: string, forMs: number) => {
    const publish = { subject: `log.0.${app}`, payload, id: app, expected: 0 };
    publisher.send(publish, forMs, (it) => answers.push(it));
  };
  for (let n = 0; n < 20_000; n++) send(`${n}`, 1_000);
  send("last", 10_000);
  await clock.advance(1_100);
  expect(answers).toHaveLength(20_000);
  server.isSilent = false;
  await clock.advance(2_100);
  expect(answers.at(-1)).toMatchObject({ kind: "stored" });
});

test("closing answers everything, and what comes later", async () => {
  const { publisher, server } = rig();
  server.isSilent = true;
  const published = publisher.publish(publishOf("a"), 5000);
  publisher.close();
  publisher.close();
  expect(await published).toMatchObject({ kind: "failed" });
  expect(await publisher.publish(publishOf("b"), 5000)).toMatchObject({ kind: "failed" });
});
