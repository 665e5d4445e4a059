import fc from "fast-check";
import { expect, test } from "vitest";
import { looksMax, NameColours } from "../../../cli/view/name-colours.ts";
import { paintOf } from "../../../cli/view/paint.ts";

const lookOf = (colours: NameColours, name: string) => colours.painted(name, "x", paintOf(true));

test("names have colours of their own while there are some, whatever their order, and keep them", () => {
  const usual = fc.constantFrom(
    "web.1",
    "web.2",
    "router",
    "worker.1",
    "run.7",
    "postgres",
    "api",
    "clock.1",
    "toString",
  );
  const names = fc.uniqueArray(fc.oneof(usual, fc.string()), { maxLength: looksMax });
  fc.assert(
    fc.property(names, (given) => {
      const colours = new NameColours();
      const looks = given.map((name) => lookOf(colours, name));
      expect(new Set(looks).size).toBe(given.length);
      expect(given.map((name) => lookOf(colours, name))).toEqual(looks);
      for (const look of looks) expect(look).not.toContain("\u001b[31m");
    }),
  );
});

const hueOf = (colours: NameColours, name: string) => /\[(\d+)m/.exec(lookOf(colours, name))?.[1];

test("web and the router are as Heroku has them, whoever speaks first", () => {
  for (const names of [
    ["router", "worker.1", "web.1"],
    ["web.1", "worker.1", "router"],
  ]) {
    const colours = new NameColours();
    colours.see(names);
    expect(["web.1", "router"].map((name) => hueOf(colours, name))).toEqual(["36", "35"]);
  }
});

test("names have the same colours in every run, in whatever order they speak", () => {
  const names = ["clock.1", "postgres", "router", "web.1", "web.2", "web.3", "worker.1", "worker.2"];
  const shuffled = fc.shuffledSubarray(names, { minLength: names.length });
  const wanted = new NameColours();
  wanted.see(names);
  fc.assert(
    fc.property(shuffled, (given) => {
      const colours = new NameColours();
      colours.see(given);
      for (const name of names) expect(lookOf(colours, name)).toBe(lookOf(wanted, name));
      // Alone it has the colour that it prefers, in every run.
      expect(lookOf(new NameColours(), given[0]!)).toBe(lookOf(new NameColours(), given[0]!));
    }),
  );
});

test("a further name has the colour that it prefers alone", () => {
  const full = new NameColours();
  full.see(Array.from({ length: looksMax }, (_, i) => `other.${i}`));
  for (const name of ["web.7", "worker.9", "clock.1"])
    expect(lookOf(full, name)).toBe(lookOf(new NameColours(), name));
});

test("further names share colours, and what is remembered is bounded", () => {
  const colours = new NameColours();
  const looks = Array.from({ length: 5_000 }, (_, i) => lookOf(colours, `worker.${i}`));
  expect(new Set(looks).size).toBe(looksMax);
});
