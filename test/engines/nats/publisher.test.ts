/** Publishing: one answer for each publish, whatever becomes of messages and acknowledgements. */
import { expect, test } from "vitest";
import { settled } from "../../support/fake-clock.ts";
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

test("64 MiB are under way; the others go out as room is made, or give up where they wait", async () => {
  const { publisher, server, clock } = rig();
  const payload = Buffer.alloc(8 * 1024 * 1024);
  const publish = (n: number, forMs: number) =>
    publisher.publish({ subject: `log.0.${n}`, payload: [payload], id: `${n}`, expected: 0 }, forMs);
  server.acksToLose = Number.POSITIVE_INFINITY;
  const underWay = Array.from({ length: 8 }, (_, n) => publish(n, 1900));
  const impatient = publish(8, 1000);
  const patient = publish(9, 5000);
  await clock.advance(1500);
  expect(server.published.length).toBe(8);
  await expect(impatient).resolves.toMatchObject({ kind: "failed" });
  server.acksToLose = 0;
  await clock.advance(500);
  expect((await Promise.all(underWay)).every(({ kind }) => kind === "failed")).toBe(true);
  expect(await patient).toMatchObject({ kind: "stored", attempts: 1 });
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
