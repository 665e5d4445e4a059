import { expect, test } from "vitest";
import { PullSlots, pullsMax } from "../../../src/engines/nats/wire/pull-slots.ts";
import { channel, rig } from "./rig.ts";

test("so many pulls are on their way at a time; the others go in their order", async () => {
  const slots = new PullSlots();
  const gone: number[] = [];
  const total = 3 * pullsMax;
  const all = Array.from({ length: total }, (_, i) => slots.take("a").then(() => gone.push(i)));
  await Promise.all(all.slice(0, pullsMax));
  expect(gone).toHaveLength(pullsMax);
  for (let released = 1; released <= total - pullsMax; released++) {
    slots.release();
    await all[pullsMax + released - 1];
    expect(gone).toHaveLength(pullsMax + released);
  }
  expect(gone).toEqual(Array.from({ length: total }, (_, i) => i));
});

test("subjects take turns", async () => {
  const slots = new PullSlots();
  const gone: string[] = [];
  const ask = (subject: string) => slots.take(subject).then(() => gone.push(subject));
  const all = [...Array.from({ length: 50 }, () => ask("many")), ask("one")];
  for (let released = 0; released < 50; released++) {
    await Promise.resolve();
    slots.release();
  }
  await Promise.all(all);
  expect(gone.indexOf("one")).toBe(pullsMax + 1);
});

test("the same question that waits for its turn is asked once for all, and again once it is under way", async () => {
  const slots = new PullSlots();
  const held = Array.from({ length: pullsMax }, () => slots.take("other"));
  await Promise.all(held);
  const asked: { readonly answer: (value: string) => void; readonly fail: (why: Error) => void }[] = [];
  const question = () => new Promise<string>((answer, fail) => asked.push({ answer, fail }));
  const ask = (name: string) => slots.ask("a", name, question);
  const waiting = [ask("first"), ask("first"), ask("second"), ask("first")];
  expect(asked).toHaveLength(0);
  for (const _ of held) slots.release();
  await Promise.resolve();
  await Promise.resolve();
  expect(asked).toHaveLength(2);
  const late = ask("first");
  await Promise.resolve();
  expect(asked).toHaveLength(3);
  asked[0]!.answer("early");
  asked[1]!.fail(new Error("nobody"));
  asked[2]!.answer("late");
  const results = await Promise.allSettled([...waiting, late]);
  expect(
    results.map((result) => (result.status === "fulfilled" ? result.value : result.reason.message)),
  ).toEqual(["early", "early", "nobody", "early", "late"]);
});

test("single messages count as pulls, and give their place back when they fail", async () => {
  const parts = rig();
  const { reader } = parts;
  await parts.write("a");
  parts.server.isSilent = true;
  const failed = Promise.allSettled(Array.from({ length: 3 * pullsMax }, (_, n) => reader.next(channel, n)));
  await parts.clock.advance(60_000);
  expect((await failed).every(({ status }) => status === "rejected")).toBe(true);
  parts.server.isSilent = false;
  expect(await reader.last(channel)).toMatchObject({ sequence: 1 });
});
