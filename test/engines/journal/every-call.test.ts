/** A journal whose disk stops at each of its calls, one after the other: what was acknowledged before is there after. */
import type { Logger } from "pino";
import { describe, expect, test } from "vitest";
import { type OpenJournal, openJournal } from "../../../src/engines/journal/open.ts";
import { keepsAll } from "../../contract/channel-log.ts";
import { batchOf, batchOfBytes, channelOf, textsOf } from "../../support/batches.ts";
import { FakeClock, settled } from "../../support/fake-clock.ts";
import { FakeDisk, type Fault } from "../../support/fake-disk.ts";
import { randomFrom } from "../../support/random.ts";

const app = channelOf(1);
const gone = channelOf(2);
const small = 1500;

const open = (disk: FakeDisk, clock: FakeClock) =>
  openJournal({ disk, clock, retention: { ...keepsAll, channelLinesMax: 6 }, segmentBytes: small });

/** Appends, fills segments, destroys, trims and collects. Returns what was acknowledged of `app`, in order. */
async function live(journal: OpenJournal, clock: FakeClock): Promise<string[]> {
  const acknowledged: string[] = [];
  const append = async (text: string) => {
    const batch = batchOf([text.padEnd(200, ".")], { acceptedAtMs: clock.nowMs(), dedupId: text });
    await journal.log.append(app, batch).then(
      () => acknowledged.push(text),
      () => {},
    );
  };
  const pause = async () => {
    await clock.advance(1000);
    await settled();
  };
  const destroyedWith = async (text: string) => {
    const secret = journal.log.append(gone, batchOf(["secret"]));
    await Promise.allSettled([secret, journal.log.destroy(gone), append(text)]);
    await pause();
  };
  await append("one");
  await journal.log.append(gone, batchOf(["secret"])).catch(() => {});
  await Promise.all([append("two"), append("three")]);
  await destroyedWith("with what is erased");
  for (let i = 4; i < 16; i++) await append(`number-${i}`);
  await pause();
  await append("last");
  await destroyedWith("with what is erased last");
  return acknowledged;
}

/** How many calls the whole life makes. */
async function callsOf(): Promise<number> {
  const disk = new FakeDisk();
  const clock = new FakeClock();
  const journal = await open(disk, clock);
  await live(journal, clock);
  await journal.close();
  return disk.calls;
}

const calls = await callsOf();

describe.each(["refused", "partial"] satisfies Fault[])(
  "a disk that stops at a call, which is %s",
  (fault) => {
    test("after the power is back every acknowledged line is there, in order, once", async () => {
      expect(calls).toBeGreaterThan(40);
      for (let stopAt = 0; stopAt < calls; stopAt++) {
        const disk = new FakeDisk();
        const clock = new FakeClock();
        const journal = await open(disk, clock);
        const before = disk.calls;
        disk.fault = () =>
          disk.calls - before < stopAt ? "none" : disk.calls - before === stopAt ? fault : "refused";
        let isOver = false;
        const life = live(journal, clock).finally(() => {
          isOver = true;
        });
        // Attempts on a disk that fails are apart.
        while (!isOver) {
          await settled(1);
          await clock.advance(100);
        }
        const acknowledged = await life;
        const found = disk.crash(randomFrom(stopAt));
        const next = await open(found, clock);
        const { batches } = await next.log.recent(app, 100);
        const texts = batches.flatMap(textsOf).map((text) => text.replace(/\.+$/, ""));
        const where = `call ${stopAt} of ${calls}`;
        expect(new Set(texts).size, where).toBe(texts.length);
        const newest = acknowledged.slice(-6);
        expect(
          texts.filter((text) => newest.includes(text)),
          where,
        ).toEqual(newest);
        await next.close();
        const bytes = Buffer.concat([...found.contents().values()]).toString("latin1");
        const { batches: destroyed } = await (await open(found, clock)).log.recent(gone, 9);
        if (destroyed.length === 0) expect(bytes.includes("secret"), where).toBe(false);
        await journal.close();
      }
    });
  },
);

test("a refused commit that the next start finds whole, and shows, is on the disk from then on", async () => {
  const disk = new FakeDisk();
  const clock = new FakeClock();
  const journal = await open(disk, clock);
  await journal.log.append(app, batchOf(["one"]));
  disk.fault = (call) => (call === "sync" ? "partial" : call === "truncate" ? "refused" : "none");
  const refused = journal.log.append(app, batchOf(["two".padEnd(1_000, ".")]));
  await expect(refused).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  await journal.close();
  disk.fault = () => "none";
  const shown = (await (await open(disk, clock)).log.recent(app, 9)).batches.flatMap(textsOf);
  expect(shown).toHaveLength(2);
  const afterCrash = await open(
    disk.crash(() => 0.9),
    clock,
  );
  expect((await afterCrash.log.recent(app, 9)).batches.flatMap(textsOf)).toEqual(shown);
});

test("a refused commit is cut off before its segment is closed", async () => {
  const disk = new FakeDisk();
  const clock = new FakeClock();
  const retention = { ...keepsAll, ageMsMax: 3_600_000 };
  const openAged = () => openJournal({ disk, clock, retention });
  const journal = await openAged();
  const append = (text: string, of = journal) =>
    of.log.append(app, batchOf([text], { acceptedAtMs: clock.nowMs() }));
  await append("one");
  disk.fault = (call) => (call === "sync" ? "whole" : "none");
  await expect(append("refused")).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  disk.fault = () => "none";
  const segments = () => [...disk.contents().keys()].filter((name) => name.endsWith(".log")).length;
  while (segments() === 1) {
    await clock.advance(10_000);
    await settled();
  }
  const two = append("two");
  await settled();
  await clock.advance(100); // attempts after a failure are apart
  await two;
  await journal.close();
  const { batches } = await (await openAged()).log.recent(app, 9);
  expect(batches.flatMap(textsOf)).toEqual(["one", "two"]);
});

test("small commits that find room where larger ones find none fill no log of the server", async () => {
  const disk = new FakeDisk();
  const clock = new FakeClock();
  const said: string[] = [];
  const say = (...what: unknown[]) => said.push(String(what.at(-1)));
  const logger = { error: say, info: say } as unknown as Logger;
  const journal = await openJournal({ disk, clock, logger, retention: keepsAll, segmentBytes: 20_000 });
  await journal.log.append(app, batchOf(["first"]));
  disk.fault = (call) => (call === "create" ? "refused" : "none");
  for (let n = 1; n < 10; n++) {
    const large = journal.log.append(app, batchOfBytes(25_000));
    await expect(large).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    const little = journal.log.append(app, batchOf(["small"], { firstLine: n }));
    await settled();
    await clock.advance(1000); // attempts after a failure are apart
    await little;
  }
  expect(said).toEqual(["the log cannot be written", "the log can be written again"]);
  disk.fault = () => "none";
  await journal.close();
});
