import { EventEmitter } from "node:events";
import fc from "fast-check";
import { expect, test, vi } from "vitest";
import type { ChannelId } from "../../../src/core/ids.ts";
import { ingestLimits } from "../../../src/ingest/limits.ts";
import { FrameRouter, Sorting } from "../../../src/ingest/routing/router.ts";
import { SyslogConnection } from "../../../src/ingest/syslog/syslog-connection.ts";
import { SyslogWriter } from "../../../src/ingest/syslog/syslog-writer.ts";
import { FakeClock, settled } from "../../support/fake-clock.ts";
import { octetCounted } from "../../support/frames.ts";
import { alone, channelOf, FakeTokens, tokenOf } from "../registry.ts";
import { ScriptedLog } from "../scripted-log.ts";
import { syslogParts } from "../syslog-parts.ts";

const apps = 20; // more than a connection knows at a time
const time = "2026-01-02T03:04:05.000006+00:00";

function registry(): FakeTokens {
  const tokens = new FakeTokens();
  for (let app = 0; app < apps; app++)
    tokens.add(tokenOf(app), channelOf(app % 15), app < 15 ? "app" : "router");
  return tokens;
}

/** A batch in which a line has structured data tells of nil ones, too, and batches may be cut otherwise. */
const linesOf = (log: ScriptedLog, channel: ChannelId): string[] =>
  log.lines(channel).map((line) => line.replace(/^([^|]*) - -\|/, "$1 -|"));

/** Lines of each channel as a connection stores them; its bytes come in these chunks, `taken` one after the other. */
async function overSyslog(
  chunks: readonly Buffer[],
  tokens: FakeTokens,
  taken: (left: number) => void = () => {},
): Promise<Map<ChannelId, string[]>> {
  const log = new ScriptedLog();
  const clock = new FakeClock();
  const { queues, options, parts } = syslogParts({ log, clock, tokens, batchBytesMax: 2_000 });
  const socket = Object.assign(new EventEmitter(), {
    setTimeout: () => {},
    destroy: () => {},
    read: () => null,
  });
  const waiting = [...chunks];
  let isPaused = true;
  const resume = () => {
    for (isPaused = false; !isPaused && waiting.length > 0; taken(waiting.length))
      socket.emit("data", waiting.shift());
    if (!isPaused) socket.emit("end");
  };
  Object.assign(socket, { resume, pause: () => (isPaused = true) });
  const ended = new SyslogConnection(socket as never, parts, new SyslogWriter(options)).run();
  resume();
  let isOver = false;
  void ended.then(() => (isOver = true));
  while (!isOver) {
    await settled(1);
    await clock.advance(10);
  }
  expect(queues.budget.bytes).toBe(0);
  const channels = new Map<ChannelId, string[]>();
  for (let app = 0; app < 15; app++) channels.set(channelOf(app), linesOf(log, channelOf(app)));
  return channels;
}

/** The same by the router alone, which every frame goes the long way through. */
async function byRouter(frames: readonly Buffer[], tokens: FakeTokens): Promise<Map<ChannelId, string[]>> {
  const log = new ScriptedLog();
  const sorting = new FrameRouter({ ...ingestLimits, ...alone, tokens }).sort(0);
  for (const frame of frames) await sorting.add(frame, frame.indexOf(" ") + 1, frame.length);
  for (const [channel, parts] of sorting.take())
    for (const lines of parts)
      log.stored.push({
        channel,
        batch: { ...lines, producer: "p" as never, firstLine: 0, acceptedAtMs: 0 },
      });
  const channels = new Map<ChannelId, string[]>();
  for (let app = 0; app < 15; app++) channels.set(channelOf(app), linesOf(log, channelOf(app)));
  return channels;
}

const frame = fc
  .tuple(
    fc.oneof({ weight: 3, arbitrary: fc.nat({ max: 2 }) }, { weight: 1, arbitrary: fc.nat({ max: apps }) }), // one is unknown
    fc.constantFrom("- -", "- -", "- -", "-", "ID7 -", `- [a b="c"]`, " - -"),
    fc.constantFrom("web.1", "web.1", "router", "web]1"),
    fc.string({ maxLength: 200 }),
  )
  .map(([app, rest, process, text]) =>
    octetCounted(`<190>1 ${time} host ${tokenOf(app)} ${process} ${rest} ${text}`),
  );

test("any frames in any chunks give the lines that they give one by one by the long way", async () => {
  const frames = fc.array(frame, { maxLength: 60 });
  const cuts = fc.array(fc.nat({ max: 3_000 }), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(frames, cuts, async (sent, at) => {
      const stream = Buffer.concat(sent);
      const places = [...new Set([0, ...at, stream.length])].filter((place) => place <= stream.length);
      places.sort((one, other) => one - other);
      const chunks = places.slice(1).map((place, i) => stream.subarray(places[i], place));
      expect(await overSyslog(chunks, registry())).toEqual(await byRouter(sent, registry()));
    }),
    { numRuns: 150 },
  );
});

test("a token that was revoked between two reads is asked for again", async () => {
  const tokens = registry();
  const to = (text: string) => octetCounted(`<190>1 ${time} host ${tokenOf(1)} web.1 - - ${text}`);
  await tokens.find(tokenOf(1));
  const reads = [Buffer.concat([to("one"), to("two")]), Buffer.concat([to("three"), to("four")])];
  const lines = await overSyslog(reads, tokens, (left) => {
    if (left === 1) tokens.revoke(tokenOf(1));
  });
  expect(lines.get(channelOf(1))).toEqual(["app web.1 -|one", "app web.1 -|two"]);
});

const toApp = (app: number, text: string) =>
  octetCounted(`<190>1 ${time} host ${tokenOf(app)} web.1 - - ${text}`);

test("a token that is revoked while a read waits is good for the rest of that read, and for no other", async () => {
  const tokens = registry();
  await tokens.find(tokenOf(1));
  const find = tokens.find.bind(tokens);
  tokens.find = (token) => {
    if (token === tokenOf(2)) tokens.revoke(tokenOf(1));
    return find(token);
  };
  const read = Buffer.concat([toApp(1, "one"), toApp(2, "waits"), toApp(1, "two")]);
  const lines = await overSyslog([read, toApp(1, "three"), toApp(1, "four")], tokens);
  expect(lines.get(channelOf(1))).toEqual(["app web.1 -|one", "app web.1 -|two"]);
});

test("a token that another app gets while the store is asked for it is the first app's in that read only", async () => {
  const tokens = registry();
  const find = tokens.find.bind(tokens);
  let isFirst = true;
  tokens.find = async (token) => {
    const found = await find(token);
    if (!isFirst) return found;
    isFirst = false;
    tokens.forget();
    tokens.add(tokenOf(1), channelOf(9));
    await overSyslog([toApp(2, "of somebody else's connection")], tokens);
    return found;
  };
  const reads = [Buffer.concat([toApp(1, "one"), toApp(1, "two")]), toApp(1, "three"), toApp(1, "four")];
  const lines = await overSyslog(reads, tokens);
  expect(lines.get(channelOf(1))).toEqual(["app web.1 -|one", "app web.1 -|two"]);
  expect(lines.get(channelOf(9))).toEqual(["app web.1 -|three", "app web.1 -|four"]);
});

test("frames that reads cut take the general path no more than others", async () => {
  const tokens = registry();
  await tokens.find(tokenOf(1));
  const sent = Array.from({ length: 400 }, (_, n) => toApp(1, `line ${n} ${"x".repeat(n % 90)}`));
  const stream = Buffer.concat(sent);
  const chunks = Array.from({ length: Math.ceil(stream.length / 1_500) }, (_, n) =>
    stream.subarray(n * 1_500, (n + 1) * 1_500),
  );
  const general = vi.spyOn(Sorting.prototype, "add");
  const lines = await overSyslog(chunks, tokens);
  expect(lines.get(channelOf(1))).toHaveLength(400);
  expect(chunks.length).toBeGreaterThan(30);
  expect(general).toHaveBeenCalledOnce(); // the first frame, whose token is new to the table
  general.mockRestore();
});
