import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { CanonicalLines } from "../../../src/core/batch/batch.ts";
import type { ChannelId } from "../../../src/core/ids.ts";
import type { Engine } from "../../../src/engines/engine.ts";
import { openMemory } from "../../../src/engines/memory.ts";
import { DrainLoops } from "../../../src/ingest/routing/drain-loops.ts";
import { DrainTokens } from "../../../src/registry/drain-tokens.ts";
import { textsOf } from "../../support/batches.ts";
import { FakeClock, settled } from "../../support/fake-clock.ts";
import { channelOf } from "../registry.ts";

const minuteMs = 60_000;
const ours = "d.01234567-89ab-cdef-0123-456789abcdef";

describe("what a drain of ours sent and is refused", () => {
  let clock: FakeClock;
  let notices: { channel: ChannelId; text: string }[];
  let failure: Error | undefined;
  let logged: string;
  let loops: DrainLoops;

  beforeEach(() => {
    clock = new FakeClock();
    notices = [];
    failure = undefined;
    logged = "";
    loops = new DrainLoops({
      channelOf: (token) => (token === ours ? channelOf(1) : undefined),
      append: async (channel, lines: CanonicalLines) => {
        if (failure !== undefined) throw failure;
        notices.push({ channel, text: textsOf(lines)[0]! });
      },
      clock,
      logger: pino({}, { write: (line: string) => void (logged += line) }),
      everyMsMin: minuteMs,
      everyMsMax: 5 * minuteMs,
      drainsMax: 10,
    });
  });

  test.each([
    ["", 0],
    [", though the clock is set back", -86_400_000],
    [", though the clock is set forward", 86_400_000],
  ])(
    "is told to the owner, with the count since the last time, further and further apart%s",
    async (_, jumpMs) => {
      for (let minute = 0; minute < 20; minute++) {
        if (minute === 2) clock.jump(jumpMs);
        for (let n = 0; n < 10; n++) loops.refused(ours);
        await clock.advance(minuteMs);
      }
      expect(notices.map(({ text }) => /refused its lines (\d+) times?/.exec(text)![1])).toEqual([
        "1", // at once
        "10", // a minute later,
        "20", // two,
        "40", // four, and then five
        "50",
        "50",
      ]);
      expect(notices[0]).toMatchObject({ channel: channelOf(1) });
      expect(notices[0]!.text).toContain(`Error L16 (drain loop): drain '${ours}' leads back to this server`);
      expect(notices[0]!.text).toContain(`tailrace drains:remove ${ours}`);
    },
  );

  test("a line to an owner that comes back is not told of: it would bring itself about", () => {
    for (let n = 0; n < 10; n++) loops.refused(ours, true);
    expect(notices).toEqual([]);
  });

  test("nothing is told of drains of others", () => {
    expect(loops.isOurs("d.other")).toBe(false);
    loops.refused("d.other");
    expect(notices).toEqual([]);
  });

  test("a log that does not take the line is told in the server's own", async () => {
    failure = new Error("full");
    loops.refused(ours);
    await settled();
    expect(logged).toContain("could not be stored");
  });
});

describe("the index of drains' tokens", () => {
  let clock: FakeClock;
  let engine: Engine;
  let tokens: DrainTokens;
  const drain = (token: string, channel = channelOf(1)) => ({ token, channel });

  beforeEach(async () => {
    clock = new FakeClock();
    const retention = { ageMsMax: 1e9, channelBytesMax: 1e9, channelLinesMax: 1e9, totalBytesMax: 1e9 };
    engine = await openMemory({ clock, retention });
  });
  afterEach(async () => {
    await tokens.close();
    await engine.close();
  });

  test("knows those that were there, those that come, and not those that went", async () => {
    await engine.store.put("drain/1", drain("d.1"), 0);
    tokens = new DrainTokens({ store: engine.store, clock });
    await settled();
    const revision = await engine.store.put("drain/2", drain("d.2", channelOf(2)), 0);
    await settled();
    expect(["d.1", "d.2", "d.3"].map((token) => tokens.channelOf(token))).toEqual([
      channelOf(1),
      channelOf(2),
      undefined,
    ]);
    await engine.store.put("drain/2", undefined, revision!);
    await settled();
    expect(tokens.channelOf("d.2")).toBeUndefined();
    expect(tokens.channelOf("d.1")).toBe(channelOf(1));
  });

  test("a watch that broke leaves what was known, and afterwards what is gone is gone", async () => {
    let breakWatch: () => void = () => {};
    const { store } = engine;
    const breaking = {
      watch: async function* <Value>(prefix: string, signal: AbortSignal) {
        const broken = new AbortController();
        breakWatch = () => broken.abort();
        yield* store.watch<Value>(prefix, AbortSignal.any([signal, broken.signal]));
      },
    };
    const revision = await store.put("drain/1", drain("d.1"), 0);
    await store.put("drain/2", drain("d.2"), 0);
    tokens = new DrainTokens({ store: breaking as never, clock });
    await settled();
    breakWatch();
    await settled();
    await store.put("drain/1", undefined, revision!);
    expect(tokens.channelOf("d.1")).toBe(channelOf(1));
    await clock.advance(2_000);
    await settled();
    expect(tokens.channelOf("d.1")).toBeUndefined();
    expect(tokens.channelOf("d.2")).toBe(channelOf(1));
  });
});
