/** A channel that one process alone writes is not listened to there, and nobody's lines are missed for it. */
import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import type { ProducerId } from "../../../src/core/ids.ts";
import { answerMsMax, ownRunMin, pauseMsMax } from "../../../src/engines/nats/log/listening.ts";
import { placeOf } from "../../../src/engines/nats/log/shards.ts";
import { openOn } from "../../../src/engines/nats/open.ts";
import type { ChannelLog } from "../../../src/ports.ts";
import { keepsAll } from "../../contract/channel-log.ts";
import { batchesOf, batchOf, channelOf, textsOf } from "../../support/batches.ts";
import { FakeClock, settled } from "../../support/fake-clock.ts";
import { NatsModel } from "../../support/nats-model/server.ts";

const channel = channelOf(1);
const { live } = placeOf(channel, 1);
const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

/** Two processes on one server, each with a follower from now on. */
async function nodes() {
  const clock = new FakeClock();
  const server = new NatsModel(clock);
  let came = 0;
  const deliver = server.deliver.bind(server);
  server.deliver = (to, message) => {
    const isHeard = deliver(to, message);
    if (to === live && isHeard) came++;
    return isHeard;
  };
  const open = async (name: string, follows: boolean) => {
    const wire = server.connect();
    const engine = await openOn(wire, { clock, retention: keepsAll, replicas: 1, shards: 1 });
    ends.push(() => engine.close());
    const { log } = engine;
    let line = 0;
    const node = {
      wire,
      log,
      heard: [] as string[],
      hasEnded: false,
      write: (text: string) =>
        log.append(channel, batchOf([text], { producer: name as ProducerId, firstLine: line++ })),
    };
    if (follows) {
      void heardOf(log, node.heard).then(() => {
        node.hasEnded = true;
      });
    }
    return node;
  };
  const here = await open("here", true);
  const there = await open("there", false);
  await settled();
  return {
    clock,
    server,
    here,
    there,
    /** Messages that came to anybody who listens to the channel. */
    came: () => came,
    /** `here` writes until nobody listens. */
    async alone() {
      const texts = Array.from({ length: ownRunMin }, (_, at) => `own ${at}`);
      for (const text of texts) await here.write(text);
      await settled();
      return texts;
    },
  };
}

async function heardOf(log: ChannelLog, heard: string[]): Promise<void> {
  const stop = new AbortController();
  for await (const batch of batchesOf(log.follow(channel, { kind: "now" }, stop.signal)))
    heard.push(...textsOf(batch));
}

test("what a process stores without a pause stops coming back, and its followers have it", async () => {
  const { here, came, alone } = await nodes();
  const texts = await alone();
  expect(came()).toBe(ownRunMin);
  for (let at = 0; at < 100; at++) await here.write(`more ${at}`);
  await settled();
  expect(came()).toBe(ownRunMin);
  expect(here.heard).toEqual([...texts, ...Array.from({ length: 100 }, (_, at) => `more ${at}`)]);
});

test("who pauses between his appends goes on listening", async () => {
  const { clock, here, came } = await nodes();
  for (let at = 0; at < 2 * ownRunMin; at++) {
    await here.write(`${at}`);
    await clock.advance(pauseMsMax + 1);
  }
  expect(came()).toBe(2 * ownRunMin);
});

test.each([
  { ms: 4 * pauseMsMax, comeBack: 0 },
  { ms: answerMsMax + pauseMsMax, comeBack: 3 },
])("of four batches that are acknowledged after $ms ms, $comeBack come back", async ({ ms, comeBack }) => {
  const { clock, server, here, came, alone } = await nodes();
  const texts = await alone();
  const deliver = server.deliver;
  server.deliver = (to, message) => {
    if (!to.startsWith("_INBOX.")) return deliver.call(server, to, message);
    void clock.sleep(ms).then(() => deliver.call(server, to, message));
    return true;
  };
  for (let at = 0; at < 4; at++) {
    const written = here.write(`slow ${at}`);
    await clock.advance(ms);
    await written;
  }
  expect(came()).toBe(ownRunMin + comeBack);
  expect(here.heard.slice(texts.length)).toEqual(["slow 0", "slow 1", "slow 2", "slow 3"]);
  server.deliver = deliver; // the engine closes by a clock that nobody moves
});

test("another's lines are seen when this process appends the next time", async () => {
  const { here, there, alone } = await nodes();
  const texts = await alone();
  await there.write("theirs");
  await settled();
  expect(here.heard).toEqual(texts);
  await here.write("ours");
  await settled();
  expect(here.heard).toEqual([...texts, "theirs", "ours"]);
  await there.write("at once");
  await settled();
  expect(here.heard.at(-1)).toBe("at once");
});

test("another's lines are seen soon after this process has stopped", async () => {
  const { clock, here, there, alone } = await nodes();
  const texts = await alone();
  await there.write("theirs");
  await clock.advance(2 * pauseMsMax);
  await settled();
  expect(here.heard).toEqual([...texts, "theirs"]);
  expect(clock.sleeping).toBeGreaterThan(0); // the engine's own rounds
  await there.write("at once");
  await settled();
  expect(here.heard.at(-1)).toBe("at once");
});

test("a comparison that fails is made again", async () => {
  const { clock, server, here, there, alone } = await nodes();
  const texts = await alone();
  await there.write("theirs");
  server.isSilent = true;
  await clock.advance(9_000);
  server.isSilent = false;
  await clock.advance(5_000);
  expect(here.heard).toEqual([...texts, "theirs"]);
});

test("a channel that another process destroys ends for its followers", async () => {
  const { here, there, alone } = await nodes();
  await alone();
  await there.log.destroy(channel);
  await settled();
  expect(here.hasEnded).toBe(true);
});

test("a broken connection is followed by a comparison", async () => {
  const { clock, here, there, alone } = await nodes();
  const texts = await alone();
  here.wire.break();
  await there.write("theirs");
  here.wire.restore();
  await clock.advance(10);
  expect(here.heard).toEqual([...texts, "theirs"]);
});

test("whoever writes when, and whatever breaks, each follower sees the stream, once and in order", async () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant("burst"), by: fc.boolean(), count: fc.nat(40) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("both"), by: fc.boolean(), count: fc.nat(8) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("wait"), by: fc.boolean(), count: fc.nat(120) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("lose"), by: fc.boolean(), count: fc.nat(2) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("break"), by: fc.boolean(), count: fc.nat(30) }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 14 }), async (steps) => {
      const { clock, server, here, there } = await nodes();
      const theirs: string[] = [];
      void heardOf(there.log, theirs);
      await settled();
      const appends: Promise<unknown>[] = [];
      let written = 0;
      const write = (isHere: boolean) => {
        const append = (isHere ? here : there).write(`${written++}`);
        appends.push(append);
        return append;
      };
      for (const { kind, by, count } of steps) {
        if (kind === "burst") for (let n = 0; n < count; n++) void write(by);
        else if (kind === "both") for (let n = 0; n < count; n++) void write(n % 2 === 0);
        else if (kind === "lose") server.acksToLose = count;
        else if (kind === "wait") await clock.advance(count);
        else {
          const { wire } = by ? here : there;
          wire.break();
          await clock.advance(count);
          wire.restore();
        }
        await settled();
      }
      server.acksToLose = 0;
      await clock.advance(20_000);
      await Promise.all(appends);
      await settled();
      const { batches } = await there.log.recent(channel, Number.POSITIVE_INFINITY);
      const stored = batches.flatMap(textsOf);
      expect([...stored].sort()).toEqual(Array.from({ length: written }, (_, at) => `${at}`).sort());
      expect(here.heard).toEqual(stored);
      expect(theirs).toEqual(stored);
      for (const end of ends.splice(0)) await end();
    }),
    { numRuns: 60 },
  );
});
