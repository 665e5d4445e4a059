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

test("web and the router are as Heroku has them, beside a worker and a second web", () => {
  const colours = new NameColours();
  const looks = ["router", "worker.1", "web.1", "web.2"].map((name) => lookOf(colours, name));
  expect(looks.map((look) => /\[(\d+)m/.exec(look)?.[1])).toEqual(["35", "32", "36", "33"]);
});

test("further names share colours, and what is remembered is bounded", () => {
  const colours = new NameColours();
  const looks = Array.from({ length: 5_000 }, (_, i) => lookOf(colours, `worker.${i}`));
  expect(new Set(looks).size).toBe(looksMax);
});
