import fc from "fast-check";
import { expect, test } from "vitest";
import { FairTimeLine, idleGroupsMax } from "../../../src/core/scheduling/fair-time-line.ts";

type Name = "a" | "b" | "c";

/** Shifts `count` times, each work taking the time of its group. */
function served(line: FairTimeLine<string>, ms: Readonly<Record<string, number>>, count: number): string {
  let names = "";
  for (let each = 0; each < count; each++) {
    const next = line.shift();
    if (next === undefined) break;
    names += next.waiting;
    line.took(next.group, ms[next.group]!);
  }
  return names;
}

const fill = (line: FairTimeLine<string>, groups: Readonly<Record<string, number>>) => {
  for (const [group, count] of Object.entries(groups))
    for (let each = 0; each < count; each++) line.push(group, group);
};

test("groups whose work takes as long take turns, in their order", () => {
  const line = new FairTimeLine<string>();
  fill(line, { a: 3, b: 2, c: 1 });
  expect(served(line, { a: 1, b: 1, c: 1 }, 9)).toBe("abcaba");
  expect(line.length).toBe(0);
});

test("within a group it is first come, first served", () => {
  const line = new FairTimeLine<number>();
  for (const each of [1, 2, 3]) line.push("a", each);
  expect([line.shift(), line.shift(), line.shift()].map((next) => next?.waiting)).toEqual([1, 2, 3]);
});

test("short work does not wait for as many long works of others", () => {
  const line = new FairTimeLine<string>();
  fill(line, { long: 4, s: 12 });
  expect(served(line, { long: 5, s: 1 }, 16)).toMatch(/^longs{5,6}longs{4,6}long/);
});

test("who comes anew has neither a debt nor what others had before", () => {
  const line = new FairTimeLine<string>();
  fill(line, { a: 10 });
  served(line, { a: 100 }, 5);
  fill(line, { b: 10 });
  expect(served(line, { a: 1, b: 1 }, 4)).toMatch(/^(abab|baba)$/); // nobody waited meanwhile
  const other = new FairTimeLine<string>();
  fill(other, { a: 1_000 });
  served(other, { a: 1 }, 500);
  fill(other, { b: 1_000 });
  expect(served(other, { a: 1, b: 1 }, 100).split("a")).toHaveLength(51); // not 100 for `b` first
});

test("a debt is remembered while its group does not wait, and ends", () => {
  const line = new FairTimeLine<string>();
  fill(line, { a: 1, b: 20 });
  expect(served(line, { a: 8, b: 1 }, 2)).toBe("ab");
  fill(line, { a: 1 });
  expect(served(line, { a: 8, b: 1 }, 5)).toBe("bbbbb");
  expect(served(line, { a: 8, b: 1 }, 14)).toContain("a");
});

test("however many groups come anew, nobody who waits is passed over for long", () => {
  const line = new FairTimeLine<string>();
  fill(line, { old: 1 });
  line.took(line.shift()!.group, 3);
  fill(line, { old: 1 });
  let before = 0;
  for (let each = 0; each < 1_000; each++) {
    line.push(`new ${each}`, "new");
    const next = line.shift()!;
    if (next.group === "old") break;
    line.took(next.group, 1);
    before++;
  }
  expect(before).toBeLessThanOrEqual(6);
});

test("the groups that it remembers are bounded", () => {
  const line = new FairTimeLine<string>();
  const groups = 10 * idleGroupsMax;
  fill(line, { busy: groups + 1 });
  for (let each = 0; each < groups; each++) {
    line.push(`once ${each}`, "once");
    for (let next = line.shift(); next !== undefined; next = line.shift()) {
      line.took(next.group, next.group === "busy" ? 1 : 1e9);
      if (next.group !== "busy") break;
    }
  }
  expect(line.groups).toBeLessThanOrEqual(idleGroupsMax + 3);
});

test("the first of the largest group can be taken out", () => {
  const line = new FairTimeLine<string>();
  for (const name of ["a1", "b1", "b2", "c1"]) line.push(name[0]!, name);
  expect([line.shiftOfLargest(), line.length]).toEqual(["b1", 3]);
  const rest = Array.from({ length: 3 }, () => line.shiftOfLargest());
  expect(rest).toEqual(["a1", "b2", "c1"]);
  expect([line.shiftOfLargest(), line.length]).toEqual([undefined, 0]);
});

test("of groups that always wait, each has had as much time as another, but for one work", () => {
  const ms = fc.integer({ min: 1, max: 50 });
  fc.assert(
    fc.property(fc.record({ a: ms, b: ms, c: ms }), (took) => {
      const line = new FairTimeLine<string>();
      fill(line, { a: 200, b: 200, c: 200 });
      const had: Record<Name, number> = { a: 0, b: 0, c: 0 };
      for (let each = 0; each < 200; each++) {
        const next = line.shift()!;
        line.took(next.group, took[next.group as Name]);
        had[next.group as Name] += took[next.group as Name];
        const most = Math.max(...Object.values(had)) - Math.min(...Object.values(had));
        expect(most).toBeLessThanOrEqual(2 * Math.max(...Object.values(took)));
      }
    }),
  );
});
