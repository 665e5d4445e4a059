/** Who owns a domain can make each look-up of its names take seconds: that must keep nobody else waiting. */
import type { LookupAddress } from "node:dns";
import { beforeEach, describe, expect, test } from "vitest";
import { Lookups } from "../../src/drains/lookups.ts";
import { FakeClock } from "../support/fake-clock.ts";

const here: LookupAddress[] = [{ address: "127.0.0.1", family: 4 }];
const limits = { placesMax: 4, perAppMax: 2, slowMs: 1_000, namesMax: 100 };
let clock: FakeClock;
let lookups: Lookups;
/** Look-ups that the system is at, in the order in which they began. */
let underWay: { name: string; answer: (failure?: Error) => void }[];
let answered: string[];

beforeEach(() => {
  clock = new FakeClock();
  underWay = [];
  answered = [];
  lookups = new Lookups({ ...limits, clock }, (name, _, done) => {
    const one = {
      name,
      answer: (failure?: Error) => {
        underWay.splice(underWay.indexOf(one), 1);
        done(failure ?? null, failure === undefined ? here : []);
      },
    };
    underWay.push(one);
  });
});

/** Each name is asked for by an app of its own, but where another is named. */
function ask(name: string, app = name): void {
  lookups.resolve(
    name,
    { all: true },
    (failure) => answered.push(failure === null ? name : `${name} ${failure.message}`),
    app,
  );
}
const names = () => underWay.map(({ name }) => name);
const answer = (name: string) => underWay.find((one) => one.name === name)!.answer();

/** Looks a name up once, so that it is known how long it takes. */
async function learn(name: string, ms: number): Promise<void> {
  ask(name);
  await clock.advance(ms);
  answer(name);
}

describe("places", () => {
  test("are held until the answer, and for a moment at most", async () => {
    for (const name of ["a", "b", "c", "d", "e", "f"]) ask(name);
    expect(names()).toEqual(["a", "b", "c", "d"]);
    answer("b");
    expect(names()).toEqual(["a", "c", "d", "e"]);
    await clock.advance(limits.slowMs);
    expect(names()).toEqual(["a", "c", "d", "e", "f"]);
  });

  test("go to names that were quick the last time, then to new ones, then to those that were slow", async () => {
    await learn("quick", 5);
    await learn("slow", 10_000);
    for (const name of ["a", "b", "c", "d"]) ask(name);
    for (const name of ["slow", "new", "quick"]) ask(name);
    for (const name of ["a", "b", "c"]) answer(name);
    expect(names()).toEqual(["d", "quick", "new", "slow"]);
  });

  test("go to slow names by half at most, however many they are", async () => {
    for (let n = 0; n < 6; n++) await learn(`slow-${n}`, 10_000);
    for (let n = 0; n < 6; n++) ask(`slow-${n}`);
    expect(names()).toEqual(["slow-0", "slow-1"]);
    ask("new");
    expect(names()).toEqual(["slow-0", "slow-1", "new"]);
  });

  test("a slow name that is quick again counts as quick, and the other way round", async () => {
    await learn("a", 10_000);
    await learn("a", 5);
    await learn("b", 5);
    await learn("b", 10_000);
    for (const name of ["1", "2", "3", "4"]) ask(name);
    for (const name of ["b", "new", "a"]) ask(name);
    for (const name of ["1", "2", "3", "4"]) answer(name);
    expect(names()).toEqual(["a", "new", "b"]);
  });
});

describe("apps", () => {
  test("have a few look-ups under way each, for as long as these take", async () => {
    for (const name of ["x-1", "x-2", "x-3", "x-4"]) ask(name, "x");
    expect(names()).toEqual(["x-1", "x-2"]);
    await clock.advance(10_000);
    expect(names()).toEqual(["x-1", "x-2"]);
    answer("x-1");
    expect(names()).toEqual(["x-2", "x-3"]);
  });

  test("take turns: the many names of one come between those of others", () => {
    for (const name of ["1", "2", "3", "4"]) ask(name);
    for (const name of ["x-1", "x-2", "x-3"]) ask(name, "x");
    for (const name of ["y-1", "z-1"]) ask(name, name.slice(0, 1));
    const began: string[] = [];
    for (const name of ["1", "2", "3", "4"]) {
      answer(name);
      began.push(names().at(-1)!);
    }
    expect(began).toEqual(["x-1", "y-1", "z-1", "x-2"]);
  });

  test("a new name begins within seconds, though many apps have silent names alone, also when every name is new", async () => {
    for (let app = 0; app < 40; app++) for (let n = 0; n < 5; n++) ask(`dead-${app}-${n}`, `app-${app}`);
    ask("good", "victim");
    for (let waitedMs = 0; !names().includes("good"); waitedMs += limits.slowMs) {
      expect(waitedMs).toBeLessThanOrEqual((40 / limits.placesMax) * limits.slowMs);
      await clock.advance(limits.slowMs);
    }
  });

  test("a name that waits in the queue of one begins in the turn of another that asks for it", () => {
    for (const name of ["1", "2", "3", "4"]) ask(name);
    for (const name of ["x-1", "x-2", "shared"]) ask(name, "x");
    ask("shared", "y");
    answer("1");
    answer("2");
    expect(names()).toEqual(["3", "4", "x-1", "shared"]);
    answer("shared");
    expect(answered.filter((name) => name === "shared")).toHaveLength(2);
  });
});

describe("a name", () => {
  test("is looked up once for all who ask meanwhile, and anew for whoever asks later", () => {
    for (let n = 0; n < 5; n++) ask("a", `app-${n}`);
    expect(names()).toEqual(["a"]);
    answer("a");
    expect(answered).toEqual(["a", "a", "a", "a", "a"]);
    ask("a");
    expect(names()).toEqual(["a"]);
  });

  test("of two families is two", () => {
    lookups.resolve("a", { all: true, family: 4 }, () => {}, "x");
    lookups.resolve("a", { all: true, family: 6 }, () => {}, "x");
    expect(names()).toEqual(["a", "a"]);
  });

  test("that fails fails for all who asked; whoever asks from its answer is looked up anew", () => {
    const again: string[] = [];
    const askAgain = () => lookups.resolve("a", { all: true }, (failure) => again.push(String(failure)), "a");
    lookups.resolve("a", { all: true }, askAgain, "a");
    ask("a");
    underWay[0]!.answer(new Error("ENOTFOUND"));
    expect(answered).toEqual(["a ENOTFOUND"]);
    expect(names()).toEqual(["a"]);
    underWay[0]!.answer();
    expect(again).toEqual(["null"]);
  });
});

test("nothing is kept of look-ups that have ended", async () => {
  for (let n = 0; n < 50; n++) ask(`name-${n}`, `app-${n % 7}`);
  while (underWay.length > 0) underWay[0]!.answer();
  await clock.advance(limits.slowMs);
  expect(answered).toHaveLength(50);
  for (const name of ["a", "b", "c", "d", "e"]) ask(name);
  expect(names()).toEqual(["a", "b", "c", "d"]);
});
