/** The start that finds streams of other settings: it says the difference, and the command that removes it. */
import type { StreamConfig } from "nats";
import { expect, test } from "vitest";
import { realClock } from "../../../src/clock.ts";
import { ensureStream, logStream, type Wanted } from "../../../src/engines/nats/streams.ts";

const hourMs = 3_600_000;
const limits = {
  ageMsMax: 168 * hourMs,
  channelBytesMax: Number.POSITIVE_INFINITY,
  channelLinesMax: Number.POSITIVE_INFINITY,
  totalBytesMax: 16_000,
};
const found = logStream(3, 16, 3, limits);
const start = (wanted: Wanted, config: object = found) =>
  ensureStream(
    { streams: { info: async () => ({ config: config as StreamConfig }), add: async () => {} } },
    realClock,
    wanted,
  );

test("the same settings are well", () => expect(start(found)).resolves.toBeUndefined());

test.each([
  [{ ageMsMax: 24 * hourMs }, 3, "max_age: wanted 24h, found 168h", "--max-age 24h"],
  [
    { ageMsMax: hourMs / 12 },
    3,
    "max_age: wanted 5m, found 168h; duplicate_window: wanted 5m, found 10m",
    "--max-age 5m --dupe-window 5m",
  ],
  [
    { totalBytesMax: 32_000 },
    1,
    "num_replicas: wanted 1, found 3; max_bytes: wanted 2000, found 1000",
    "--replicas 1 --max-bytes 2000",
  ],
])("settings of `serve` that changed: %j, %i copies", async (change, replicas, differences, flags) => {
  const failed = start(logStream(3, 16, replicas, { ...limits, ...change }));
  await expect(failed).rejects.toMatchObject({
    code: "NATS_STREAM_DIFFERS",
    message: expect.stringContaining(`(${differences})`),
    mend: expect.stringContaining(`\`nats stream edit tailrace-log-3 ${flags}\``),
  });
});

test("what no setting leads to has no such command", () =>
  expect(start(found, { ...found, allow_direct: false })).rejects.toMatchObject({
    message: expect.stringContaining("(allow_direct: wanted true, found false)"),
    mend: expect.stringContaining("`nats stream edit`"),
  }));
