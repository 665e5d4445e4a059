/** What a commit takes of the works that wait. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { ChannelId } from "../../../src/core/ids.ts";
import { fairShare, littleShare } from "../../../src/engines/journal/fair-share.ts";
import type { Work } from "../../../src/engines/journal/journal.ts";

type Named = Work & { readonly number: number };

const bounds = { bytesMax: 1_000_000, worksMax: 50 };
const large = 600_000;
let numbers = 0;
const work = (channel: string | undefined, bytes: number): Named => ({
  number: numbers++,
  ...(channel !== undefined && { channel: channel as ChannelId }),
  bytes,
  use: "intake",
  form: () => {},
  stored: () => {},
  failed: () => {},
});

test("a line goes with the next commit, however many large batches came before it", () => {
  const line = work("quiet", 200);
  const { taken, left } = fairShare([...Array.from({ length: 20 }, () => work("busy", large)), line], bounds);
  expect(taken).toContain(line);
  expect(taken).toHaveLength(2);
  expect(left).toHaveLength(19);
});

test("a commit of little alone takes every line in front of which no large batch of its app waits, in turns of apps", () => {
  const batches = ["busy", "both"].map((app) => work(app, large));
  const lines = ["quiet", "quiet", "both", "quiet", "busy"].map((app) => work(app, 200));
  const [one, two, both, three, behind] = lines as [Named, Named, Named, Named, Named];
  const share = littleShare([batches[0]!, one, two, both, batches[1]!, three, behind], bounds)!;
  expect(share.taken).toEqual([one, both, two, three]);
  expect(share.left).toEqual([batches[0], batches[1], behind]);
});

test("there is no such commit where nothing large waits, or nothing but that may go", () => {
  const batch = work("busy", large);
  expect(littleShare([work("quiet", 200), work("quiet", 200)], bounds)).toBeUndefined();
  expect(littleShare([batch, work("busy", 200)], bounds)).toBeUndefined();
  expect(littleShare([work(undefined, large), work("quiet", 200)], bounds)).toBeUndefined();
});

test("lines of a thousand apps do not keep large batches from going", () => {
  const lines = Array.from({ length: 1_000 }, (_, n) => work(`quiet ${n}`, 15_000));
  const batch = work("busy", large);
  let waiting: readonly Work[] = [...lines, batch];
  for (let commits = 0; waiting.includes(batch); commits++) {
    expect(commits).toBeLessThan(20);
    const { left } = fairShare(waiting, { ...bounds, worksMax: 1_000 });
    waiting = [...left, ...Array.from({ length: 100 }, (_, n) => work(`quiet ${n}`, 15_000))];
  }
});

test("large batches of several apps take turns, from one commit to the next", () => {
  let waiting: readonly Work[] = ["a", "a", "a", "b", "b", "c"].map((app) => work(app, large));
  const served: (string | undefined)[] = [];
  while (waiting.length > 0) {
    const { taken, left } = fairShare(waiting, bounds);
    served.push(...taken.map(({ channel }) => channel));
    waiting = left;
  }
  expect(served).toEqual(["a", "b", "c", "a", "b", "a"]);
});

test("nothing is lost, repeated, or changes places with another of its channel, and every commit takes something", () => {
  const ofApp = fc.constantFrom("a", "b", "c", undefined);
  const sizes = fc.constantFrom(10, 20_000, 300_000, large, 2_000_000);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(ofApp, sizes), { minLength: 1, maxLength: 120 }),
      fc.boolean(),
      (all, isLittleFirst) => {
        const works = all.map(([app, bytes]) => work(app, bytes));
        const done: Named[] = [];
        let mayBeLittle = isLittleFirst;
        for (let waiting: readonly Work[] = works; waiting.length > 0; mayBeLittle = !mayBeLittle) {
          const little = mayBeLittle ? littleShare(waiting, bounds) : undefined;
          const { taken, left } = little ?? fairShare(waiting, bounds);
          expect(taken.length).toBeGreaterThan(0);
          expect(taken.length).toBeLessThanOrEqual(bounds.worksMax);
          const bytes = taken.map((each) => each.bytes).sort((a, b) => b - a);
          expect(bytes.slice(1).reduce((sum, each) => sum + each, 0)).toBeLessThanOrEqual(bounds.bytesMax);
          done.push(...(taken as readonly Named[]));
          waiting = left;
        }
        expect(new Set(done).size).toBe(works.length);
        for (const app of ["a", "b", "c"]) {
          const numbersOf = done.filter(({ channel }) => channel === app).map(({ number }) => number);
          expect(numbersOf).toEqual([...numbersOf].sort((a, b) => a - b));
        }
        // Who has no channel stands where he came, whatever was before and behind.
        for (const ordered of works.filter(({ channel }) => channel === undefined)) {
          const at = done.indexOf(ordered);
          expect(done.slice(0, at).every(({ number }) => number < ordered.number)).toBe(true);
        }
      },
    ),
  );
});
