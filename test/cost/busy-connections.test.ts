/**
 * The work of the way in for many apps over many connections that all bring more than the server takes, counted: no machine's
 * speed decides. Each figure has a ceiling, somewhat above the figure of the day that is named beside it.
 */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { openJournal } from "../../src/engines/journal/open.ts";
import { FrameBuffer } from "../../src/ingest/syslog/frame-buffer.ts";
import { SyslogConnection } from "../../src/ingest/syslog/syslog-connection.ts";
import { SyslogWriter } from "../../src/ingest/syslog/syslog-writer.ts";
import { keepsAll } from "../contract/channel-log.ts";
import { channelOf, FakeTokens, tokenOf } from "../ingest/registry.ts";
import { syslogParts } from "../ingest/syslog-parts.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { octetCounted } from "../support/frames.ts";
import { KernelSocket } from "../support/kernel-socket.ts";
import { CountingDisk } from "./counting.ts";

/** A look at the time every 64 frames, and every read: some 300 frames take a tenth of a millisecond. */
const lookMs = 0.02;

beforeEach(() => {
  let nowMs = 1_000;
  vi.spyOn(performance, "now").mockImplementation(() => (nowMs += lookMs));
});
let polling: NodeJS.Immediate | undefined;
afterEach(() => {
  clearImmediate(polling);
  vi.restoreAllMocks();
});

const linesOf = (apps: readonly number[], count: number): Buffer =>
  Buffer.concat(
    Array.from({ length: count }, (_, i) => {
      const head = `<190>1 2026-01-02T03:04:05.000006+00:00 host ${tokenOf(apps[i % apps.length]!)} web.1 - -`;
      return octetCounted(`${head} ${"x".repeat(100)}`);
    }),
  );

/** `connections` of ten apps each; all have brought their tokens. */
async function rig(connections: number) {
  const clock = new FakeClock();
  const disk = new CountingDisk();
  const { log } = await openJournal({ disk, clock, retention: keepsAll });
  const tokens = new FakeTokens();
  for (let app = 0; app < 10 * connections; app++) tokens.add(tokenOf(app), channelOf(app));
  const { queues, options, parts } = syslogParts({ log, clock, tokens });
  const senders = Array.from({ length: connections }, (_, at) => {
    const socket = new KernelSocket(`10.0.0.${at % 4}`);
    void new SyslogConnection(socket as never, parts, new SyslogWriter(options)).run();
    const apps = Array.from({ length: 10 }, (_, i) => 10 * at + i);
    socket.send(linesOf(apps, 10));
    return { socket, apps };
  });
  // Once in each turn of the event loop, as the system does.
  const poll = () => {
    for (const { socket } of senders) socket.poll();
    polling = setImmediate(poll);
  };
  poll();
  for (let turn = 0; turn < 50; turn++) await clock.advance(1);
  expect(queues.budget.bytes).toBe(0);
  return { clock, log, queues, senders };
}

test("a hundred connections of a thousand apps that are never at rest", async () => {
  const { clock, log, queues, senders } = await rig(100);
  const append = vi.spyOn(log, "append");
  const copies = vi.spyOn(FrameBuffer.prototype, "own");
  const made = [vi.spyOn(Buffer, "allocUnsafeSlow"), vi.spyOn(Buffer, "allocUnsafe")];
  const each = 4_000;
  for (const { socket, apps } of senders) socket.send(linesOf(apps, each));
  let bytesMax = 0;
  for (let left = senders.length; left > 0; ) {
    await clock.advance(1);
    bytesMax = Math.max(bytesMax, queues.budget.bytes);
    left = senders.filter(({ socket }) => socket.bytes > 0).length;
  }
  await clock.advance(50);
  expect(queues.budget.bytes).toBe(0);
  const lines = append.mock.calls.reduce((sum, [, { count }]) => sum + count, 0);
  expect(lines).toBe(each * senders.length);
  const perMillion = (count: number) => Math.round((count / lines) * 1_000_000);
  expect(perMillion(append.mock.calls.length)).toBeLessThanOrEqual(8_000); // 7,300: 137 lines each, where a read of each had 32
  expect(copies.mock.calls.length).toBeLessThanOrEqual(110); // 91: at most what each brings first
  const bytes = made.flatMap(({ mock }) => mock.calls).reduce((sum, [length]) => sum + length, 0);
  expect(bytes / lines).toBeLessThanOrEqual(50); // 37, where it was 327 when rooms grew past the memory that waits
  expect(bytesMax).toBeLessThanOrEqual(8 << 20); // 5.6 MB
});
