/**
 * The work of the way in, counted: no machine's speed decides. Lines go through the door of syslog, the append queues and
 * the journal, over a disk that only counts. Each figure has a ceiling, somewhat above the figure of the day that is named
 * beside it: what makes one rise has to be worth it.
 */
import { EventEmitter } from "node:events";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { openJournal } from "../../src/engines/journal/open.ts";
import { SyslogConnection } from "../../src/ingest/syslog/syslog-connection.ts";
import { SyslogWriter } from "../../src/ingest/syslog/syslog-writer.ts";
import { keepsAll } from "../contract/channel-log.ts";
import { channelOf, FakeTokens, tokenOf } from "../ingest/registry.ts";
import { syslogParts } from "../ingest/syslog-parts.ts";
import { FakeClock, settled } from "../support/fake-clock.ts";
import { CountingDisk, countWork, type Work } from "./counting.ts";

/** A socket that a test hands bytes to. */
class TestSocket extends EventEmitter {
  readonly remoteAddress = "10.0.0.1";
  readonly readableEnded = false;
  readonly destroyed = false;
  readonly #chunks: Buffer[] = [];
  #isPaused = false;

  send(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.resume(this.#isPaused);
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(isPaused = false): void {
    this.#isPaused = isPaused;
    while (!this.#isPaused && this.#chunks.length > 0) this.emit("data", this.#chunks.shift());
  }

  setTimeout(): void {}
  destroy(): void {}
  read(): null {
    return null;
  }
}

const apps = 10;
const frameOf = (app: number, text: string): string => {
  const frame = `<190>1 2026-01-02T03:04:05.000006+00:00 host ${tokenOf(app)} web.1 - - ${text}`;
  return `${frame.length} ${frame}`;
};

let restore: () => void = () => {};
// The clock stands still: a turn of the event loop is never over, and no round waits longer for the machine.
beforeEach(() => vi.spyOn(performance, "now").mockReturnValue(1_000));
afterEach(() => {
  restore();
  vi.restoreAllMocks();
});

/** Counts from now on. */
function counting(): Work {
  const { work, end } = countWork();
  restore = end;
  return work;
}

async function rig() {
  const clock = new FakeClock();
  const disk = new CountingDisk();
  const { log } = await openJournal({ disk, clock, retention: keepsAll });
  const append = vi.spyOn(log, "append");
  const tokens = new FakeTokens();
  for (let app = 0; app < apps; app++) tokens.add(tokenOf(app), channelOf(app));
  const { queues, options, parts } = syslogParts({ log, clock, tokens });
  const sockets = Array.from({ length: apps }, () => {
    const socket = new TestSocket();
    void new SyslogConnection(socket as never, parts, new SyslogWriter(options)).run();
    return socket;
  });
  // Every token is known, and every channel there.
  for (const [app, socket] of sockets.entries()) socket.send(Buffer.from(frameOf(app, "first")));
  await settled(20);
  await clock.advance(20);
  expect(queues.budget.bytes).toBe(0);
  return { clock, disk, append, queues, sockets, tokens };
}

test("a million lines, as ten busy senders write them", async () => {
  const { clock, disk, append, queues, sockets } = await rig();
  const text = "x".repeat(100);
  const frames = Array.from({ length: 330 }, (_, i) => frameOf(i % apps, text));
  const chunk = Buffer.from(frames.join("")); // 64 KiB, as a read of a socket is
  const before = {
    writes: disk.writes,
    syncs: disk.syncs,
    bytes: disk.writtenBytes,
    batches: append.mock.calls.length,
  };
  const work = counting();
  let lines = 0;
  while (lines < 1_000_000) {
    for (const socket of sockets) {
      socket.send(chunk);
      lines += frames.length;
    }
    await clock.advance(1);
  }
  await clock.advance(20);
  restore();
  expect(queues.budget.bytes).toBe(0);
  const batches = append.mock.calls.length - before.batches;
  const perMillion = (count: number) => Math.round((count / lines) * 1_000_000);
  expect(append.mock.calls.reduce((sum, [, { count }]) => sum + count, 0)).toBe(lines + apps);
  expect(perMillion(batches)).toBeLessThanOrEqual(1_700); // 1,555
  expect(perMillion(disk.writes - before.writes)).toBeLessThanOrEqual(500); // 461: a commit holds 512 KiB
  expect(disk.syncs - before.syncs).toBe(disk.writes - before.writes);
  expect(perMillion(work.promises)).toBeLessThanOrEqual(25_000); // 21,743, the test's own included
  const storedBytes = (disk.writtenBytes - before.bytes) / lines;
  expect(work.allocatedBytes / lines).toBeLessThanOrEqual(1.25 * storedBytes); // 196 bytes for 161
});

test("ten thousand lines that come one by one within a second, from ten apps", async () => {
  const { clock, disk, append, queues, sockets, tokens } = await rig();
  const peeks = tokens.peeks;
  const lines = 10_000;
  const chunks = sockets.map((_, app) => Buffer.from(frameOf(app, "one line")));
  const before = { writes: disk.writes, batches: append.mock.calls.length };
  const idle = counting();
  for (let line = 0; line < lines; line++) await clock.advance(0.1);
  restore();
  const work = counting();
  for (let line = 0; line < lines; line++) {
    sockets[line % apps]!.send(chunks[line % apps]!);
    await clock.advance(0.1);
  }
  await clock.advance(20);
  restore();
  expect(queues.budget.bytes).toBe(0);
  const batches = append.mock.calls.length - before.batches;
  const commits = disk.writes - before.writes;
  expect(batches).toBeLessThanOrEqual(5_500); // 5,032
  expect(commits).toBeLessThanOrEqual(600); // 520
  expect(tokens.peeks - peeks).toBeLessThanOrEqual(2 * apps); // a token is hashed again when the registry changed
  expect(work.promises - idle.promises).toBeLessThanOrEqual(50_000); // 45,015
  expect(work.allocatedBytes / lines).toBeLessThanOrEqual(120); // 102
});
