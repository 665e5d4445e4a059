import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  destroyedEntry,
  type Entry,
  encodeSegmentHeader,
  linesEntry,
  segmentHeaderBytes,
} from "../../../src/engines/journal/entry.ts";
import { RecordBuilder } from "../../../src/engines/journal/record-builder.ts";
import { scanSegment } from "../../../src/engines/journal/scan.ts";
import { batchOf, channelOf } from "../../support/batches.ts";

const segment = 7;

/** A segment with a record for each list of payloads; gives where each record begins, too. */
function segmentOf(commits: readonly (readonly string[])[]): { bytes: Buffer; starts: number[] } {
  const record = new RecordBuilder();
  const parts: Uint8Array[] = [encodeSegmentHeader(segment)];
  const starts: number[] = [];
  let end = segmentHeaderBytes;
  commits.forEach((texts, commit) => {
    starts.push(end);
    record.begin(end);
    for (const text of texts) record.add(entryOf(text));
    const { parts: written, bytes } = record.end(segment, { commit: commit + 1, ageMs: 10, ranMs: commit });
    parts.push(...written.map((part) => Buffer.from(part)));
    end += bytes;
  });
  return { bytes: Buffer.concat(parts), starts };
}

const entryOf = (text: string): Entry =>
  linesEntry(
    { id: channelOf(1), incarnation: "abc1" },
    { ...batchOf(["x"]), bytes: Buffer.from(text), dedupId: "request" },
    5,
    9,
  );

const payloads = fc.array(fc.array(fc.string({ maxLength: 3000 }), { minLength: 1, maxLength: 4 }), {
  minLength: 1,
  maxLength: 6,
});
const textsIn = (scan: ReturnType<typeof scanSegment>) =>
  scan.entries.filter(({ isWhole }) => isWhole).map(({ entry }) => Buffer.from(entry.bytes).toString());

describe("a segment's bytes", () => {
  test("give back what was written, field by field", () => {
    const { bytes } = segmentOf([["hello"]]);
    const [found] = scanSegment(bytes, segment, false).entries;
    expect(found!.entry).toEqual({ ...entryOf("hello"), bytes: Buffer.from("hello") });
  });

  test("give back every commit, whatever is in it", () => {
    fc.assert(
      fc.property(payloads, (commits) => {
        const scan = scanSegment(segmentOf(commits).bytes, segment, false);
        expect(textsIn(scan)).toEqual(commits.flat());
        expect(scan).toMatchObject({ commit: commits.length, damages: [] });
      }),
    );
  });

  test("cut off anywhere, give the whole commits before and nothing of the torn one", () => {
    fc.assert(
      fc.property(payloads, fc.nat(), (commits, cut) => {
        const { bytes, starts } = segmentOf(commits);
        const length = segmentHeaderBytes + (cut % (bytes.length - segmentHeaderBytes));
        const scan = scanSegment(bytes.subarray(0, length), segment, false);
        const ends = [...starts.slice(1), bytes.length];
        const whole = ends.filter((end) => end <= length).length;
        expect(textsIn(scan)).toEqual(commits.slice(0, whole).flat());
        expect(scan).toMatchObject({ end: whole === 0 ? segmentHeaderBytes : ends[whole - 1], damages: [] });
      }),
    );
  });

  test("with a bit turned over before the last commit, tell it and give all the others", () => {
    fc.assert(
      fc.property(payloads, fc.nat(), (commits, pick) => {
        const all = [...commits, ["the last"]];
        const { bytes, starts } = segmentOf(all);
        const bit = segmentHeaderBytes * 8 + (pick % ((starts.at(-1)! - segmentHeaderBytes) * 8));
        bytes[bit >> 3]! ^= 1 << (bit & 7);
        const scan = scanSegment(bytes, segment, false);
        const right = all.flat();
        const texts = textsIn(scan);
        const isReported = scan.damages.length > 0 || scan.entries.some(({ isWhole }) => !isWhole);
        expect(isReported).toBe(true);
        expect(texts.length).toBeGreaterThanOrEqual(right.length - 1);
        let at = 0;
        for (const text of texts) {
          at = right.indexOf(text, at) + 1;
          expect(at).toBeGreaterThan(0);
        }
        expect(scan.end).toBe(bytes.length);
      }),
    );
  });

  test("with lines that were erased because the last commit destroys them, give the rest of it; with any other damage, nothing", () => {
    const record = new RecordBuilder();
    const entries = ["secret", "kept"].map((text, n) => ({ ...entryOf(text), channel: channelOf(n) }));
    record.begin(segmentHeaderBytes);
    for (const entry of [entries[0]!, destroyedEntry(channelOf(0)), entries[1]!]) record.add(entry);
    const written = record.end(segment, { commit: 1, ageMs: 10, ranMs: 0 }).parts;
    const whole = Buffer.concat([encodeSegmentHeader(segment), ...written]);
    const erased = Buffer.from(whole.toString("latin1").replace("secret", "\0".repeat(6)), "latin1");
    const scan = scanSegment(erased, segment, false);
    expect(textsIn(scan)).toContain("kept");
    expect(scan).toMatchObject({ commit: 1, end: whole.length, damages: [] });
    const damaged = Buffer.from(whole.toString("latin1").replace("kept", "\0".repeat(4)), "latin1");
    expect(scanSegment(damaged, segment, false)).toMatchObject({ entries: [], end: segmentHeaderBytes });
  });

  test("of another segment, or of none, hold nothing", () => {
    const { bytes } = segmentOf([["a"], ["b"]]);
    expect(scanSegment(bytes, segment + 1, false).entries).toEqual([]);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5000 }), (noise) => {
        const scan = scanSegment(Buffer.from(noise), segment, false);
        expect(scan.entries).toEqual([]);
      }),
    );
  });
});
