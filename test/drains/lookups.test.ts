import type { LookupAddress } from "node:dns";
import { beforeEach, expect, test } from "vitest";
import { Lookups } from "../../src/drains/lookups.ts";
import { FakeClock } from "../support/fake-clock.ts";

const here: LookupAddress[] = [{ address: "127.0.0.1", family: 4 }];
let clock: FakeClock;
let lookups: Lookups;
/** Lookups that the system is at, in the order in which they began. */
let underWay: { name: string; answer: (failure?: Error) => void }[];

beforeEach(() => {
  clock = new FakeClock();
  underWay = [];
  lookups = new Lookups({ slowMs: 1_000, namesMax: 100, clock }, (name, _, done) => {
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

const answered: string[] = [];
function ask(name: string): void {
  lookups.resolve(name, { all: true }, (failure) =>
    answered.push(failure === null ? name : `${name} ${failure.message}`),
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

beforeEach(() => {
  answered.length = 0;
});

test("names that were quick go at once, however many are under way", async () => {
  for (const name of ["a", "b", "c"]) await learn(name, 5);
  for (const name of ["a", "b", "c"]) ask(name);
  expect(names()).toEqual(["a", "b", "c"]);
});

test("names whose servers are silent take one thread, however many they are and however often they are asked", async () => {
  await learn("well", 5);
  for (let n = 0; n < 50; n++) ask(`dead-${n % 10}`);
  expect(names()).toEqual(["dead-0"]);
  ask("well");
  expect(names()).toEqual(["dead-0", "well"]);
  for (let n = 0; n < 10; n++) {
    await clock.advance(10_000);
    answer(`dead-${n}`);
  }
  expect(answered.filter((name) => name === "dead-3")).toHaveLength(5);
  expect(names()).toEqual(["well"]);
});

test("a new name goes before those that were slow", async () => {
  await learn("slow-1", 10_000);
  await learn("slow-2", 10_000);
  await learn("slow-3", 10_000);
  for (const name of ["slow-1", "slow-2", "slow-3", "new"]) ask(name);
  expect(names()).toEqual(["slow-1"]);
  answer("slow-1");
  expect(names()).toEqual(["new"]);
  answer("new");
  expect(names()).toEqual(["slow-2"]);
});

test("a slow name that is quick again goes at once the next time, and the other way round", async () => {
  await learn("a", 10_000);
  await learn("a", 5);
  await learn("b", 5);
  await learn("b", 10_000);
  ask("b");
  ask("c");
  ask("a");
  expect(names()).toEqual(["b", "a"]);
});

test("a failure is told to all who asked; whoever asks from its answer is looked up anew", async () => {
  const again: string[] = [];
  lookups.resolve("a", { all: true }, () =>
    lookups.resolve("a", { all: true }, (failure) => again.push(String(failure))),
  );
  ask("a");
  underWay[0]!.answer(new Error("ENOTFOUND"));
  expect(answered).toEqual(["a ENOTFOUND"]);
  expect(names()).toEqual(["a"]);
  underWay[0]!.answer();
  expect(again).toEqual(["null"]);
});

test("the system's resolver is asked where no other is given", async () => {
  const found = await new Promise<LookupAddress[]>((done) =>
    new Lookups({ slowMs: 1_000, namesMax: 10, clock }).resolve("localhost", { all: true }, (_, all) =>
      done(all),
    ),
  );
  expect(found.every(({ address }) => address === "127.0.0.1" || address === "::1")).toBe(true);
});
