/** Thousands of apps: which are drawn, and in which order their summaries are asked for. */
import { expect, test } from "vitest";
import { foundApps, shownMax } from "../../web/src/apps/found-apps.ts";
import { Rounds } from "../../web/src/apps/rounds.ts";

const appsOf = (count: number) =>
  Array.from({ length: count }, (_, n) => ({ id: `${n}`, name: `app-${n}` }) as never);
const namesOf = (count: number) => Array.from({ length: count }, (_, n) => `app-${n}`);

test("few are all drawn", () => {
  expect(foundApps(appsOf(shownMax), "", undefined)).toMatchObject({ left: 0 });
  expect(foundApps(appsOf(shownMax), "", undefined).shown).toHaveLength(shownMax);
  expect(foundApps([], "", "app-1")).toEqual({ shown: [], left: 0 });
});

test("of many the first ones are drawn, the one that is open too, and the others are counted", () => {
  expect(foundApps(appsOf(10_000), "", undefined).left).toBe(10_000 - shownMax);
  const { shown, left } = foundApps(appsOf(10_000), "", "app-7777");
  expect(shown).toHaveLength(shownMax + 1);
  expect(shown.at(-1)).toMatchObject({ name: "app-7777" });
  expect(left).toBe(10_000 - shownMax - 1);
  expect(foundApps(appsOf(10_000), "", "app-7").shown).toHaveLength(shownMax);
});

test("those whose names have what is typed are found among all, the open one only if it is among them", () => {
  const { shown, left } = foundApps(appsOf(10_000), "-999", "app-5");
  expect(shown.map(({ name }) => name)).toEqual(["app-999", ...namesOf(10_000).slice(9_990)]);
  expect(left).toBe(0);
});

test("few are all asked about in each round", () => {
  const rounds = new Rounds(namesOf(60));
  for (let round = 0; round < 3; round++) expect(rounds.next(["app-3"])).toHaveLength(60);
});

test("of many, those that are shown have half of each round, and everybody has a turn", () => {
  const all = namesOf(1_000);
  const shown = all.slice(0, 200);
  const rounds = new Rounds(all);
  const askedOften = new Map<string, number>();
  for (let round = 0; round < 34; round++) {
    const names = rounds.next(shown);
    expect(names.length).toBeLessThanOrEqual(60);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) askedOften.set(name, (askedOften.get(name) ?? 0) + 1);
  }
  expect(askedOften.size).toBe(1_000);
  for (const name of shown) expect(askedOften.get(name)).toBeGreaterThanOrEqual(5);
  expect(new Rounds(all).next([])).toHaveLength(60);
});
