/**
 * Lines that cannot be read any more where nothing readable follows, or right behind the place that a reader comes back
 * with: each is counted, and no reader waits for them. On both engines.
 */
import { mkdtemp, open as openFile, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { realClock } from "../../src/clock.ts";
import { endOf, positionIn, type StoredBatch } from "../../src/core/batch/batch.ts";
import { newChannelId } from "../../src/core/ids.ts";
import { origin, type Position } from "../../src/core/position.ts";
import { openEmbedded } from "../../src/engines/embedded.ts";
import { streamOf } from "../../src/engines/nats/log/shards.ts";
import { openOn } from "../../src/engines/nats/open.ts";
import { tailLimits } from "../../src/limits.ts";
import type { ChannelLog } from "../../src/ports.ts";
import { operatorKeyId } from "../../src/registry/keys.ts";
import { Recent } from "../../src/tail/recent.ts";
import { openSession } from "../../src/tail/session.ts";
import type { SessionSpec } from "../../src/tail/session-url.ts";
import { sessionParts } from "../../src/tail/tail-part.ts";
import { keepsAll } from "../contract/channel-log.ts";
import { batchesOf, batchOf } from "../support/batches.ts";
import { NatsModel } from "../support/nats-model/server.ts";
import { openPatterns } from "../support/patterns.ts";

const channel = newChannelId();
const batches = 10;
const linesEach = 3;

/** A log, and what takes batches out of it behind its back. */
type Opened = { readonly log: ChannelLog; readonly damage: (lost: readonly StoredBatch[]) => Promise<void> };

async function embedded(): Promise<Opened> {
  const folder = await mkdtemp(join(tmpdir(), "tailrace-damaged-"));
  const { log, close } = await openEmbedded({ folder, clock: realClock, retention: keepsAll });
  onTestFinished(async () => {
    await close();
    await rm(folder, { recursive: true });
  });
  const damage = async (lost: readonly StoredBatch[]) => {
    const names = await readdir(folder, { recursive: true });
    const path = join(folder, names.filter((name) => /\d+\.log$/.test(name)).sort()[0]!);
    const bytes = await readFile(path);
    const file = await openFile(path, "r+");
    for (const { line } of lost) await file.write("XXXX", bytes.indexOf(`line=${line} `));
    await file.close();
  };
  return { log, damage };
}

async function nats(): Promise<Opened> {
  const server = new NatsModel(realClock);
  const options = { clock: realClock, retention: keepsAll, replicas: 1, shards: 1 };
  const { log, close } = await openOn(server.connect(), options);
  onTestFinished(close);
  const damage = async (lost: readonly StoredBatch[]) =>
    server.streams.get(streamOf(0))!.lose(new Set(lost.map(({ sequence }) => sequence)));
  return { log, damage };
}

async function filled(open: () => Promise<Opened>) {
  const { log, damage } = await open();
  for (let n = 0; n < batches; n++) {
    const texts = Array.from({ length: linesEach }, (_, k) => `line=${n * linesEach + k} `);
    await log.append(channel, batchOf(texts, { firstLine: n * linesEach, acceptedAtMs: realClock.nowMs() }));
  }
  const stored: StoredBatch[] = [];
  const stop = new AbortController();
  for await (const batch of batchesOf(
    log.follow(channel, { kind: "after", position: origin }, stop.signal, "present"),
  ))
    stored.push(batch);
  const recent = new Recent({ log, clock: realClock, historyLines: 200, expiryMs: 1e9, ringsBytesMax: 1 });
  const patterns = openPatterns();
  onTestFinished(async () => {
    await patterns.close();
    await recent.close();
  });
  const parts = sessionParts({ log, recent, clock: realClock, selector: patterns.selector }, tailLimits);
  const openRead = (spec: Partial<SessionSpec>, after?: Position) =>
    openSession(
      parts,
      { keyId: operatorKeyId, channel, lines: 1_000, tail: false, filter: {}, format: "text", ...spec },
      { transport: "plain", ...(after !== undefined && { after }) },
    );
  return { log, damage, stored, openRead };
}

/** The lines that a session shows, and how many it says are lost; of one that goes on, until `isAll`. */
async function readAll(
  read: Awaited<ReturnType<typeof openSession>>,
  isAll: (text: string) => boolean = () => false,
) {
  const stop = new AbortController();
  let text = "";
  for await (const part of read(stop.signal)) {
    text += Buffer.from(part.bytes).toString();
    if (isAll(text)) stop.abort();
  }
  const shown = [...text.matchAll(/ line=(\d+) /g)].map(([, number]) => Number(number));
  const notices = [...text.matchAll(/Error L11 \(Tail buffer overflow\) -> .* dropped (\d+) messages/g)];
  return { shown, lost: notices.map(([, count]) => Number(count)) };
}

const linesFrom = (first: number, last = batches * linesEach - 1): number[] =>
  Array.from({ length: last - first + 1 }, (_, n) => first + n);

describe.each([
  ["embedded", embedded],
  ["nats", nats],
])("on %s", (name, open) => {
  test("who comes back is told of lines that are damaged right behind the place", async () => {
    const { damage, stored, openRead } = await filled(open);
    for (const spec of [{}, { tail: true }]) {
      const read = await openRead(spec, endOf(stored[2]!));
      await damage(stored.slice(3, 6));
      const found = await readAll(read, (text) => text.includes(" line=29 "));
      expect(found).toEqual({ shown: linesFrom(18), lost: [9] });
    }
  });

  test("who comes back to a place amid a batch, too", async () => {
    const { damage, stored, openRead } = await filled(open);
    const read = await openRead({}, positionIn(stored[2]!, 2));
    await damage(stored.slice(3, 6));
    expect(await readAll(read)).toEqual({ shown: [8, ...linesFrom(18)], lost: [9] });
  });

  test("a session that does not tail ends when its newest lines are all damaged, and counts them", async () => {
    const { damage, stored, openRead } = await filled(open);
    const reads = [await openRead({}), await openRead({}, endOf(stored[5]!)), await openRead({ lines: 3 })];
    await damage(stored.slice(7));
    expect(await readAll(reads[0]!)).toEqual({ shown: linesFrom(0, 20), lost: [9] });
    expect(await readAll(reads[1]!)).toEqual({ shown: [18, 19, 20], lost: [9] });
    // On NATS a place that the stream does not reach any more is one of a log that lost its end.
    const beyond = await readAll(reads[2]!);
    expect(beyond).toEqual(
      name === "nats" ? { shown: linesFrom(0, 20), lost: [] } : { shown: [], lost: [3] },
    );
  });

  test("one whose app is destroyed meanwhile ends, and counts nothing", async () => {
    const { log, openRead } = await filled(open);
    const read = await openRead({});
    await log.destroy(channel);
    expect(await readAll(read)).toEqual({ shown: [], lost: [] });
  });

  test("histories, searches and lines before a place end as well", async () => {
    const { damage, stored, openRead } = await filled(open);
    const place = endOf(stored[4]!);
    await damage([...stored.slice(5, 6), ...stored.slice(8)]);
    const before = await openRead({ before: place, lines: 6 });
    expect(await readAll(before)).toEqual({ shown: linesFrom(9, 14), lost: [] });
    const until = await openRead({ untilMs: stored[0]!.acceptedAtMs - 1 });
    expect((await readAll(until)).shown).toEqual([]);
    const searched = await openRead({ filter: { match: "line=1" } });
    expect((await readAll(searched)).shown).toEqual([1, 10, 11, 12, 13, 14, 18, 19]);
  });
});

test("on embedded the place itself may be damaged, and all that is behind it", async () => {
  const { damage, stored, openRead } = await filled(embedded);
  await damage(stored.slice(5));
  const read = await openRead({}, endOf(stored[6]!));
  expect(await readAll(read)).toEqual({ shown: [], lost: [9] });
});
