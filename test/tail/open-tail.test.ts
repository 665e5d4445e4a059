import { EventEmitter } from "node:events";
import type { ServerResponse } from "node:http";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { newChannelId } from "../../src/core/ids.ts";
import { origin } from "../../src/core/position.ts";
import { type Feed, Hubs } from "../../src/tail/hub.ts";
import { OpenTail } from "../../src/tail/open-tail.ts";
import { Stalls } from "../../src/tail/stalls.ts";
import type { TailPart } from "../../src/tail/tail-part.ts";
import { type Stream, Tails } from "../../src/tail/tails.ts";
import { Turns } from "../../src/turns.ts";

/** What a turn of others does, by its number from 1 on. */
let others: (turn: number) => void = () => {};
beforeEach(() => {
  let turn = 0;
  vi.spyOn(Turns.prototype, "isOver", "get").mockReturnValue(true);
  vi.spyOn(Turns.prototype, "next").mockImplementation(async () => {
    await nextTurn();
    others(++turn);
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  others = () => {};
});

class Response extends EventEmitter {
  readonly socket = null;
  writableNeedDrain = false;
  destroyed = false;
  closed = false;
  text = "";

  write(bytes: Uint8Array | string): boolean {
    this.text += Buffer.from(bytes as Uint8Array).toString();
    return true;
  }

  end(): void {
    this.closed = true;
    this.emit("finish");
  }

  destroy(): void {
    this.destroyed = true;
    this.emit("close");
  }
}

const partOf = (text: string): TailPart => ({
  bytes: Buffer.from(text),
  count: 1,
  position: origin,
  next: { line: 1, acceptedAtMs: 0 },
});

function open(read: Stream["read"], feed?: Feed) {
  const response = new Response();
  const over = new AbortController();
  const stream: Stream = {
    channel: newChannelId(),
    over: over.signal,
    transport: "events",
    tail: true,
    read,
    feed,
  };
  const stalls = new Stalls(1e9, () => {});
  const tail = new OpenTail(response as unknown as ServerResponse, stream, stalls, new Hubs());
  return { response, over, tail };
}

const large = `data: ${"x".repeat(200_000)}\n\n`;

test("a reader whose right ends while a part waits for its turn gets nothing of it", async () => {
  const { response, over, tail } = open(async function* () {
    yield partOf(large);
  });
  others = () => over.abort();
  await tail.run();
  expect({ text: response.text, destroyed: response.destroyed }).toEqual({ text: "", destroyed: false });
});

test("a reader whose right ends amid a part gets no more of it, and is cut off", async () => {
  const { response, over, tail } = open(async function* () {
    yield partOf(large);
  });
  others = (turn) => turn === 2 && over.abort();
  await tail.run();
  expect({ bytes: response.text.length, destroyed: response.destroyed }).toEqual({
    bytes: 65_536,
    destroyed: true,
  });
});

test("no heartbeat comes amid a part that waits for its turn", async () => {
  const { response, tail } = open(async function* () {
    yield partOf(large);
  });
  others = (turn) => turn > 1 && tail.beat();
  await tail.run();
  expect(response.text).toBe(large);
  tail.beat();
  expect(response.text).toBe(`${large}: ping\n\n`);
});

test("a heartbeat while a notice waits for its turn does not say that the reader has it", async () => {
  const { response, tail } = open(async function* () {
    yield { ...partOf("data: 7 lines are lost\n\n"), count: 0 };
  });
  others = () => tail.beat();
  await tail.run();
  expect(response.text).toMatch(/^: ping\n\ndata: 7 lines are lost\n\n: ping\nid: \S+\n\n$/);
});

test("a shared reading that fails before the own one has ended is a failure of the tail, and of nothing else", async () => {
  const feed: Feed = {
    key: "",
    channel: "",
    isEnd: () => true,
    // biome-ignore lint/correctness/useYield: it fails before
    async *read() {
      throw new Error("the disk is gone");
    },
  };
  const { tail } = open(async function* () {
    try {
      yield partOf("data: 1\n\n");
    } finally {
      for (let turn = 0; turn < 5; turn++) await nextTurn();
    }
  }, feed);
  await expect(tail.run()).rejects.toThrow("the disk is gone");
});

test("a history whose client took long for a part, and which waits for its turn, is not taken for one without lines", async () => {
  let nowMs = performance.now();
  vi.spyOn(performance, "now").mockImplementation(() => nowMs);
  const tails = new Tails({
    tailsMax: 1,
    tailsPerAppMax: 1,
    heartbeatMs: 3,
    stallMsMax: 60_000,
    historyStallMsMax: 60_000,
    unreadBytesMax: 1e9,
    closeMsMax: 0,
  });
  const response = new Response();
  const stream: Stream = {
    channel: newChannelId(),
    over: new AbortController().signal,
    transport: "events",
    tail: false,
    async *read(signal) {
      yield partOf(large);
      if (!signal.aborted) yield partOf("data: last\n\n");
    },
  };
  let writes = 0;
  vi.spyOn(response, "write").mockImplementation(() => {
    if (++writes > 1) return true;
    response.writableNeedDrain = true;
    setImmediate(() => {
      nowMs += 40_000;
      response.writableNeedDrain = false;
      response.emit("drain");
    });
    return false;
  });
  vi.spyOn(Turns.prototype, "next").mockImplementation(() => new Promise((go) => setTimeout(go, 20)));
  await tails.serve(response as unknown as ServerResponse, stream, () => {});
  expect(writes).toBe(Math.ceil(large.length / 65_536) + 1);
  await tails.close();
});
