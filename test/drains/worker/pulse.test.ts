import { expect, test } from "vitest";
import { Pulse } from "../../../src/drains/worker/pulse.ts";

/** A pulse whose time and turns the test holds. */
function held(everyMs: number) {
  const due: { atMs: number; run: () => void }[] = [];
  const seen: string[] = [];
  let nowMs = 100;
  const pulse = new Pulse({
    everyMs,
    nowMs: () => nowMs,
    defer: (run) => due.push({ atMs: nowMs, run }),
    after: (ms, run) => due.push({ atMs: nowMs + ms, run }),
  });
  return {
    seen,
    wait: (name: string) => pulse.wait(() => seen.push(name)),
    /** Runs what is due when it is that time. */
    at(ms: number) {
      nowMs = ms;
      const now = due.filter(({ atMs }) => atMs <= ms);
      due.splice(0, due.length, ...due.filter(({ atMs }) => atMs > ms));
      for (const { run } of now) run();
      return seen.splice(0);
    },
  };
}

test("a line that comes alone is looked at in the same turn", () => {
  const pulse = held(1);
  pulse.wait("a");
  expect(pulse.seen).toEqual([]);
  expect(pulse.at(100)).toEqual(["a"]);
  expect(pulse.at(200)).toEqual([]);
  pulse.wait("b");
  expect(pulse.at(200)).toEqual(["b"]);
});

test("those that come sooner than the next beat are looked at together", () => {
  const pulse = held(2);
  pulse.wait("a");
  expect(pulse.at(100)).toEqual(["a"]);
  pulse.wait("a");
  pulse.wait("b");
  expect(pulse.at(101)).toEqual([]);
  pulse.wait("c");
  expect(pulse.at(102)).toEqual(["a", "b", "c"]);
  pulse.wait("a");
  expect(pulse.at(103)).toEqual([]);
  expect(pulse.at(104)).toEqual(["a"]);
});

test("without a time between beats all of a turn are looked at together", () => {
  const pulse = held(0);
  for (const name of ["a", "b"]) pulse.wait(name);
  expect(pulse.at(100)).toEqual(["a", "b"]);
  pulse.wait("a");
  expect(pulse.at(100)).toEqual(["a"]);
});
