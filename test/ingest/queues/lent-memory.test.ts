/** Lines on their way from a stream, or from rounds of RELP, over the journal to its readers, in memory that is used again: see `core/batch/batch-memory.ts`. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { realClock } from "../../../src/clock.ts";
import type { StoredBatch } from "../../../src/core/batch/batch.ts";
import { origin } from "../../../src/core/position.ts";
import { SyslogHeader, scanHeader } from "../../../src/core/wire/syslog.ts";
import { openJournal } from "../../../src/engines/journal/open.ts";
import { AppendQueues } from "../../../src/ingest/queues/append-queues.ts";
import { RoundLines } from "../../../src/ingest/relp/round-lines.ts";
import type { ChannelLog, Followed } from "../../../src/ports.ts";
import type { TokenRecord } from "../../../src/registry/records.ts";
import { keepsAll } from "../../contract/channel-log.ts";
import { textsOf } from "../../support/batches.ts";
import { FakeDisk } from "../../support/fake-disk.ts";
import { until } from "../../support/until.ts";
import { channelOf, FakeTokens, silent, tokenOf } from "../registry.ts";

const time = "2026-01-02T03:04:05.000006+00:00";
const header = new SyslogHeader();

/** A reader that follows an app from its first line, and knows what it should have got. */
class Reader {
  readonly seen: string[] = [];
  /** Handed over, and not read yet. */
  readonly #unread: StoredBatch[] = [];
  /** Never given back. */
  readonly #kept: { readonly batch: StoredBatch; readonly texts: readonly string[] }[] = [];
  readonly #following: AsyncIterator<Followed>;
  readonly #keeps: boolean;
  #isPulling = false;

  constructor(log: ChannelLog, app: number, signal: AbortSignal, { keeps = false } = {}) {
    const from = { kind: "after", position: origin } as const;
    this.#following = log.follow(channelOf(app), from, signal)[Symbol.asyncIterator]();
    this.#keeps = keeps;
  }

  pull(): void {
    if (this.#isPulling) return;
    this.#isPulling = true;
    void this.#following.next().then(({ done, value }) => {
      this.#isPulling = false;
      if (!done) this.#unread.push(value as StoredBatch);
    });
  }

  read(): void {
    for (const batch of this.#unread.splice(0)) {
      const texts = textsOf(batch);
      this.seen.push(...texts);
      if (this.#keeps) this.#kept.push({ batch, texts });
      else batch.memory?.release();
    }
  }

  /** What was kept is as it was. */
  check(): void {
    for (const { batch, texts } of this.#kept) expect(textsOf(batch)).toEqual(texts);
  }
}

/** Lines of a round, so that they are one batch. */
const roundLinesMax = 25;

type Door = "streams" | "rounds";

async function world(door: Door) {
  const disk = new FakeDisk();
  const journal = await openJournal({
    disk,
    clock: realClock,
    retention: keepsAll,
    segmentBytes: 1024 * 1024,
  });
  const queues = new AppendQueues({
    log: journal.log,
    clock: { ...realClock, sleep: async () => {} },
    logger: silent,
    memoryBytesMax: 100_000_000,
    queueBytesMax: 50_000_000,
    batchBytesMax: 30_000,
    channelsMax: 100,
  });
  const sent = new Map<number, string[]>([1, 2, 3].map((app) => [app, []]));
  const sender = { bytes: 0, settle: (bytes: number) => (sender.bytes -= bytes) };
  const records = new Map<number, TokenRecord>();
  for (const app of sent.keys())
    records.set(app, { token: tokenOf(app), channel: channelOf(app), source: "app", createdAt: "" });
  // Of each client one round is under way; what comes meanwhile from several gathers.
  const clients = [0, 1, 2, 3].map(() => ({
    lines: new RoundLines(queues.rooms, new FakeTokens()),
    last: Promise.resolve(),
  }));
  let rounds = 0;
  const sendRound = (frames: readonly Buffer[], record: TokenRecord) => {
    const client = clients[rounds++ % clients.length]!;
    for (const frame of frames) {
      scanHeader(frame, 0, frame.length, header, 0);
      client.lines.place(record, "app", frame, header, 0);
    }
    for (const [channel, { lines, memory }] of client.lines.take()) {
      const { length } = lines.bytes;
      sender.bytes += length;
      const stored = (): Promise<void> =>
        queues.append(channel, lines, "relp", memory).then(() => void sender.settle(length), stored);
      client.last = client.last.then(stored);
    }
  };
  const send = (app: number, lines: number) => {
    const record = records.get(app)!;
    const round: Buffer[] = [];
    const texts = sent.get(app)!;
    for (let n = 0; n < lines; n++) {
      const text = `${app} ${texts.length} ${"x".repeat((texts.length * 37) % 300)}`;
      const frame = Buffer.from(`<190>1 ${time} h ${record.token} web.1 - - ${text}`);
      texts.push(text);
      if (door === "rounds") {
        round.push(frame);
        continue;
      }
      scanHeader(frame, 0, frame.length, header, 0);
      const stream = queues.stream(record.channel);
      sender.bytes += stream.add(sender, record, "app", frame, header, 0);
    }
    while (round.length > 0) sendRound(round.splice(0, roundLinesMax), record);
  };
  return { disk, journal, queues, sent, sender, send };
}

type Step =
  | { readonly kind: "send"; readonly app: number; readonly lines: number }
  | { readonly kind: "pull" | "read"; readonly reader: number }
  | { readonly kind: "settle" | "disk fails" };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant("send" as const),
        app: fc.integer({ min: 1, max: 3 }),
        lines: fc.integer({ min: 1, max: 200 }),
      }),
    },
    {
      weight: 6,
      arbitrary: fc.record({ kind: fc.constantFrom("pull" as const, "read" as const), reader: fc.nat(5) }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("settle" as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("disk fails" as const) }) },
  ),
  { minLength: 5, maxLength: 40 },
);

test.each<Door>(["streams", "rounds"])(
  "whoever reads lines of %s when: each is as it was sent, also what is never given back, and all else comes home",
  async (door) => {
    const property = fc.asyncProperty(steps, fc.boolean(), async (taken, hasKeepers) => {
      const { disk, journal, queues, sent, sender, send } = await world(door);
      const stop = new AbortController();
      const readers = [1, 2, 3, 1, 2, 3].map(
        (app, n) => new Reader(journal.log, app, stop.signal, { keeps: hasKeepers && n === 3 }),
      );
      for (const step of taken) {
        if (step.kind === "send") send(step.app, step.lines);
        else if (step.kind === "pull") readers[step.reader]!.pull();
        else if (step.kind === "read") readers[step.reader]!.read();
        else if (step.kind === "settle") await until(() => sender.bytes === 0);
        else {
          let left = 1;
          disk.fault = (call) => (call === "write" && left-- > 0 ? "partial" : "none");
        }
      }
      await until(() => sender.bytes === 0);
      for (const [n, reader] of readers.entries()) {
        const app = (n % 3) + 1;
        await until(() => {
          reader.pull();
          reader.read();
          return reader.seen.length >= sent.get(app)!.length;
        });
        const inOrder = (texts: readonly string[]) => (door === "streams" ? texts : [...texts].sort());
        expect(inOrder(reader.seen)).toEqual(inOrder(sent.get(app)!));
      }
      for (const reader of readers) reader.check();
      if (!hasKeepers) expect(queues.rooms.outstanding, "rooms that did not come home").toBe(0);
      stop.abort();
      await queues.close();
      await journal.close();
    });
    await fc.assert(property, { numRuns: 60 });
  },
);
