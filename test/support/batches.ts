/** Batches and readers of logs, for tests. */
import type { Batch, StoredBatch } from "../../src/core/batch/batch.ts";
import type { ChannelId, ProducerId } from "../../src/core/ids.ts";
import { logOf, type Position, positionAt, readPosition } from "../../src/core/position.ts";
import type { Followed } from "../../src/ports.ts";
import { octetCounted } from "./frames.ts";

const producer = "producer" as ProducerId;

/** A batch of one line for each text, in canonical form. */
export function batchOf(texts: readonly string[], rest: Partial<Batch> = {}): Batch {
  const frames = texts.map((text) =>
    octetCounted(`<190>1 2026-01-02T03:04:05.000006+00:00 host app web.1 - ${text}`),
  );
  return {
    bytes: Buffer.concat(frames),
    count: texts.length,
    form: "logplex",
    producer,
    firstLine: 0,
    acceptedAtMs: 0,
    ...rest,
  };
}

/** A batch of one line of `bytes` bytes. */
export const batchOfBytes = (bytes: number, rest: Partial<Batch> = {}): Batch => ({
  ...batchOf(["x"], rest),
  bytes: Buffer.alloc(bytes, "x"),
});

/** The texts of a batch that `batchOf` made. */
export function textsOf(batch: Pick<StoredBatch, "bytes">): string[] {
  const wire = Buffer.from(batch.bytes).toString();
  const texts: string[] = [];
  for (let at = 0; at < wire.length; ) {
    const space = wire.indexOf(" ", at);
    const end = space + 1 + Number(wire.slice(at, space));
    const frame = wire.slice(space + 1, end);
    texts.push(frame.slice(frame.indexOf(" - ") + 3));
    at = end;
  }
  return texts;
}

/** The batches of a follower whose position is not foreign. */
export async function* batchesOf(followed: AsyncIterable<Followed>): AsyncGenerator<StoredBatch> {
  for await (const batch of followed) {
    if (batch === "foreign") throw new Error("the position is foreign");
    yield batch;
  }
}

/** Pulls batches until they have `lines` lines together, then ends the reading. */
export async function takeLines(batches: AsyncIterable<Followed>, lines: number): Promise<StoredBatch[]> {
  const taken: StoredBatch[] = [];
  let count = 0;
  if (lines === 0) return taken;
  for await (const batch of batchesOf(batches)) {
    taken.push(batch);
    count += batch.count;
    if (count >= lines) break;
  }
  return taken;
}

/** The first `count` results of a follower: the texts of a batch, or `foreign`. */
export async function takeFollowed(followed: AsyncIterable<Followed>, count: number): Promise<unknown[]> {
  const taken: unknown[] = [];
  for await (const next of followed) {
    taken.push(next === "foreign" ? next : textsOf(next));
    if (taken.length >= count) break;
  }
  return taken;
}

/** The place after `lines` lines of the batch that `position` is in. */
export function placeBeside(position: Position, lines: number): Position {
  const { sequence, incarnation, mark, line } = readPosition(position)!;
  return positionAt(sequence, lines, logOf(incarnation!, mark, line));
}

/** A channel id that ends in `number`. */
export const channelOf = (number: number): ChannelId =>
  `00000000-0000-4000-8000-${String(number).padStart(12, "0")}` as ChannelId;
