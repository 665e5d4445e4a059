import { expect, test } from "vitest";
import { Canoniser } from "../../src/core/batch/canonical.ts";
import { newChannelId, newProducerId } from "../../src/core/ids.ts";
import type { ChannelLog } from "../../src/ports.ts";
import { summaryOf } from "../../src/tail/log-summary.ts";
import { Recent } from "../../src/tail/recent.ts";
import { openMemoryLog } from "./logs.ts";

const channel = newChannelId();
const producer = newProducerId();

test("an app that writes while its oldest line is read is told by its pace, too", async () => {
  let nowMs = 1_800_000_000_000;
  const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs, async sleep() {} };
  const inner = await openMemoryLog({ clock });
  const recent = new Recent({ log: inner, clock, historyLines: 10, expiryMs: 1e9, ringsBytesMax: 1 << 20 });
  let firstLine = 0;
  const append = async () => {
    const canoniser = new Canoniser("app");
    const frame = Buffer.from(`<190>1 - h app web.1 - - ${firstLine}`);
    canoniser.add(frame, 0, frame.length, 0);
    await inner.append(channel, {
      ...canoniser.take(),
      producer,
      firstLine: firstLine++,
      acceptedAtMs: nowMs,
    });
  };
  for (let n = 0; n < 20; n++, nowMs += 1_000) await append();
  await recent.read(channel);
  const log: ChannelLog = {
    append: (...args) => inner.append(...args),
    recent: (...args) => inner.recent(...args),
    lineAfter: (...args) => inner.lineAfter(...args),
    destroy: (...args) => inner.destroy(...args),
    close: () => inner.close(),
    async *follow(...args) {
      await append();
      await expect.poll(async () => (await recent.read(channel)).end.line).toBe(21);
      yield* inner.follow(...args);
    },
  };
  expect(await summaryOf({ log, recent, clock }, channel)).toMatchObject({
    endLine: 20,
    lines: 10,
    seconds: 10,
  });
  await recent.close();
  await inner.close();
});
