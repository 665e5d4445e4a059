/** Streams of history whose clients read nothing: the system takes megabytes for each, and others come between. */
import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import { origin } from "../../src/core/position.ts";
import { Hubs } from "../../src/tail/hub.ts";
import { OpenTail } from "../../src/tail/open-tail.ts";
import { Stalls } from "../../src/tail/stalls.ts";
import type { TailPart } from "../../src/tail/tail-part.ts";

const streams = 100;
const megabyte = Buffer.alloc(1_048_576);

/** A response that takes everything at once, as the system does until its memory for the socket is full. */
class Taking extends EventEmitter {
  readonly socket = null;
  readonly destroyed = false;
  readonly writableNeedDrain = false;
  readonly #wrote: () => void;

  constructor(wrote: () => void) {
    super();
    this.#wrote = wrote;
  }

  write(): boolean {
    for (const untilMs = performance.now() + 0.2; performance.now() < untilMs; ); // a copy
    this.#wrote();
    return false;
  }
}

test("they share the turns of the event loop, so that few of their writes are in one", async () => {
  let inTurn = 0;
  let most = 0;
  let isOver = false;
  const turn = () => {
    most = Math.max(most, inTurn);
    inTurn = 0;
    if (!isOver) setImmediate(turn);
  };
  const part: TailPart = { bytes: megabyte, count: 1, position: origin };
  const all = Array.from({ length: streams }, () => {
    const stream = {
      channel: "app",
      over: new AbortController().signal,
      transport: "plain",
      tail: false,
      read: async function* () {
        yield part;
      },
    };
    const response = new Taking(() => inTurn++);
    return new OpenTail(response as never, stream as never, new Stalls(1e9, () => {}), new Hubs()).run();
  });
  setImmediate(turn);
  await Promise.all(all);
  isOver = true;
  // All 1,600 were in one turn before; 2 ms are ten, and as many go on as may in a turn that was short before.
  expect(most).toBeLessThanOrEqual(32);
});
