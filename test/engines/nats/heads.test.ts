/** Where channels go on: read from the stream, written down when they fall idle. */
import { expect, test } from "vitest";
import { Heads } from "../../../src/engines/nats/log/heads.ts";
import type { Store } from "../../../src/ports.ts";
import { batchOf } from "../../support/batches.ts";
import { settled } from "../../support/fake-clock.ts";
import { channel, rig } from "./rig.ts";

const key = `head/${channel}`;

/** Heads over a store whose records are a map; `failing` makes it reject. */
function headsOn(parts: ReturnType<typeof rig>) {
  const records = new Map<string, { value: unknown; revision: number }>();
  const state = { failing: false, reads: 0 };
  const store: Partial<Store> = {
    get: async (wanted) => {
      state.reads++;
      if (state.failing) throw new Error("the server is away");
      const found = records.get(wanted);
      return found && ({ key: wanted, ...found } as never);
    },
    put: async (wanted, value, revision) => {
      if ((records.get(wanted)?.revision ?? 0) !== revision) return undefined;
      if (value === undefined) records.delete(wanted);
      else records.set(wanted, { value, revision: revision + 1 });
      return revision + 1;
    },
  };
  const { reader, failures, clock } = parts;
  const heads = new Heads({ reader, store: store as Store, idleMs: 60_000, failures, clock });
  return { heads, records, state };
}

test("a head is read from the channel's last message, and then known", async () => {
  const parts = rig();
  const { heads } = headsOn(parts);
  expect(heads.known(channel)).toBeUndefined();
  expect(await heads.read(channel)).toEqual({ sequence: 0, line: 0, bytes: 0 });
  const end = await parts.write("a", "b");
  expect(heads.known(channel)?.sequence).toBe(0);
  heads.forget(channel);
  expect(heads.known(channel)).toBeUndefined();
  expect(await heads.read(channel)).toEqual(end);
  expect(heads.known(channel)).toEqual(end);
});

test("a channel that falls idle has its end written down, and goes on there when all is trimmed", async () => {
  const parts = rig();
  const { heads, records } = headsOn(parts);
  const end = await parts.write("a");
  heads.moved(channel, end, batchOf(["a"]));
  await parts.clock.advance(59_000);
  expect(records.size).toBe(0);
  await parts.clock.advance(16_000);
  expect(records.get(key)?.value).toMatchObject({ line: 1 });
  parts.stream.purge(">");
  expect(await heads.read(channel)).toEqual({ ...end, sequence: 0 });
  expect(await heads.trimmedEnd(channel)).toMatchObject({ line: 1 });
});

test("a channel that somebody empties goes on where this process left it", async () => {
  const parts = rig();
  const { heads } = headsOn(parts);
  const end = await parts.write("a", "b");
  heads.moved(channel, end, batchOf(["b"]));
  parts.stream.purge(">");
  expect(await heads.read(channel)).toEqual({ ...end, sequence: 0 });
});

test("an end that cannot be written down is told once and tried again each round", async () => {
  const parts = rig();
  const { heads, records, state } = headsOn(parts);
  heads.moved(channel, await parts.write("a"), batchOf(["a"]));
  state.failing = true;
  await parts.clock.advance(90_000);
  expect(state.reads).toBeGreaterThan(1);
  expect(parts.logged).toHaveLength(1);
  state.failing = false;
  await parts.clock.advance(15_000);
  expect(records.has(key)).toBe(true);
});

test("closing writes down what is not, within 3 seconds", async () => {
  const parts = rig();
  const { heads, records } = headsOn(parts);
  heads.moved(channel, await parts.write("a"), batchOf(["a"]));
  await heads.close();
  expect(records.has(key)).toBe(true);
  await parts.clock.advance(1000);
  expect(parts.clock.sleeping).toBe(0);
});

test("a channel that is removed leaves no record", async () => {
  const parts = rig();
  const { heads, records } = headsOn(parts);
  heads.moved(channel, await parts.write("a"), batchOf(["a"]));
  await parts.clock.advance(90_000);
  await heads.remove(channel);
  await settled();
  expect(records.size).toBe(0);
});
