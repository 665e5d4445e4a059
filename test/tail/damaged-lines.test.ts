/** A log whose file is written over while the server runs: its readers are told what is not there any more. */
import { mkdtemp, open as openFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { realClock } from "../../src/clock.ts";
import { newChannelId } from "../../src/core/ids.ts";
import { openEmbedded } from "../../src/engines/embedded.ts";
import { tailLimits } from "../../src/limits.ts";
import { operatorKeyId } from "../../src/registry/keys.ts";
import { Recent } from "../../src/tail/recent.ts";
import { openSession } from "../../src/tail/session.ts";
import { sessionParts } from "../../src/tail/tail-part.ts";
import { keepsAll } from "../contract/channel-log.ts";
import { batchOf } from "../support/batches.ts";
import { openPatterns } from "../support/patterns.ts";

const channel = newChannelId();
const batches = 40;
const linesOfBatch = 3;

/** A session of all lines, told as text, over a log whose middle is garbage by the time that it is read. */
async function readDamaged(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "tailrace-damaged-"));
  const { log, close } = await openEmbedded({ folder, clock: realClock, retention: keepsAll });
  const recent = new Recent({ log, clock: realClock, historyLines: 200, expiryMs: 1e9, ringsBytesMax: 1 });
  const patterns = openPatterns();
  onTestFinished(async () => {
    await patterns.close();
    await recent.close();
    await close();
    await rm(folder, { recursive: true });
  });
  for (let n = 0; n < batches; n++) {
    const texts = Array.from(
      { length: linesOfBatch },
      (_, k) => `line=${n * linesOfBatch + k} ${"x".repeat(4_000)}`,
    );
    await log.append(
      channel,
      batchOf(texts, { firstLine: n * linesOfBatch, acceptedAtMs: realClock.nowMs() }),
    );
  }
  const parts = sessionParts({ log, recent, clock: realClock, selector: patterns.selector }, tailLimits);
  const read = await openSession(
    parts,
    { keyId: operatorKeyId, channel, lines: 1_000, tail: false, filter: {}, format: "text" },
    { transport: "plain" },
  );
  await overwriteMiddle(folder);
  const stop = new AbortController();
  let text = "";
  for await (const part of read(stop.signal)) text += Buffer.from(part.bytes).toString();
  return text;
}

async function overwriteMiddle(folder: string): Promise<void> {
  const names = await readdir(folder, { recursive: true });
  const segment = names.filter((name) => /\d+\.log$/.test(name)).sort()[0]!;
  const file = await openFile(join(folder, segment), "r+");
  const { size } = await file.stat();
  await file.write(Buffer.alloc(Math.floor(size / 4), 0xaa), 0, Math.floor(size / 4), Math.floor(size / 2));
  await file.close();
}

test("each line is shown once or counted in an L11 line", async () => {
  const text = await readDamaged();
  const shown = [...text.matchAll(/ line=(\d+) /g)].map(([, number]) => Number(number));
  const notices = [...text.matchAll(/Error L11 \(Tail buffer overflow\) -> .* dropped (\d+) messages/g)];
  const lost = notices.reduce((sum, [, count]) => sum + Number(count), 0);
  expect(lost).toBeGreaterThan(batches * linesOfBatch * 0.2);
  expect(shown.length + lost).toBe(batches * linesOfBatch);
  expect(new Set(shown).size).toBe(shown.length);
});
