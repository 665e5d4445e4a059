/** What sorting remembers of tokens: known ones alone, in memory of their own. */
import { describe, expect, test } from "vitest";
import { FrameRouter } from "../../../src/ingest/routing/router.ts";
import { Routes } from "../../../src/ingest/routing/routes.ts";
import type { TokenRecord } from "../../../src/registry/records.ts";
import { shuttleFrame } from "../../support/frames.ts";
import { alone, channelOf, tokenOf } from "../registry.ts";

const recordOf = (number: number): TokenRecord => ({
  token: tokenOf(number),
  channel: channelOf(number),
  source: "app",
  createdAt: "",
});

/** The frame alone, without its length. */
const frameOf = (app: string): Buffer => {
  const counted = shuttleFrame("x", { app });
  return counted.subarray(counted.indexOf(" ") + 1);
};

describe("tokens that are remembered", () => {
  test("are found by their bytes, also among others whose last digits are the same", () => {
    const routes = new Routes(100);
    const names = [1, 2, 3].map((n) => Buffer.from(`t.0000000${n}-0000-4000-8000-000000000000`));
    for (const [n, name] of names.entries()) routes.keep(name, 0, name.length, recordOf(n), 1, 1);
    for (const [n, name] of names.entries()) {
      const wire = Buffer.concat([Buffer.from("box "), name]);
      expect(routes.find(wire, 4, wire.length)?.record.channel).toBe(channelOf(n));
    }
    routes.forget(routes.find(names[1]!, 0, 38)!);
    expect(names.map((name) => routes.find(name, 0, 38) !== undefined)).toEqual([true, false, true]);
  });

  test("have memory of their own: a name is no view of what was read", () => {
    const routes = new Routes(100);
    const read = Buffer.concat([Buffer.alloc(65_000), Buffer.from(tokenOf(1))]);
    routes.keep(read, 65_000, read.length, recordOf(1), 1, 1);
    expect(routes.find(read, 65_000, read.length)!.name.buffer.byteLength).toBe(tokenOf(1).length);
  });

  test("have a bound, behind which those in use come back", () => {
    const routes = new Routes(2);
    for (let n = 1; n <= 3; n++) routes.keep(Buffer.from(tokenOf(n)), 0, 38, recordOf(n), 1, 1);
    expect([1, 2, 3].map((n) => routes.find(Buffer.from(tokenOf(n)), 0, 38) !== undefined)).toEqual([
      false,
      false,
      true,
    ]);
  });
});

test("of twenty thousand tokens that nobody knows none is remembered", () => {
  const asked: string[] = [];
  const tokens = {
    version: 1,
    peek: (token: string) => {
      asked.push(token);
      return token === tokenOf(1) ? recordOf(1) : null;
    },
    find: async () => undefined,
  };
  const router = new FrameRouter({ tokens, loops: alone.loops, tokensMax: 100 });
  for (let round = 1; round <= 2; round++) {
    const sorting = router.sort(0);
    for (let n = 2; n <= 20_001; n++) {
      const frame = frameOf(tokenOf(n));
      sorting.add(frame, 0, frame.length);
      if (n % 1_000 === 0) sorting.add(frameOf(tokenOf(1)), 0, frameOf(tokenOf(1)).length);
    }
    expect(sorting.faults.count("unknown_token")).toBe(20_000);
    expect(sorting.placed).toBe(20);
  }
  // Each time anew; the known one once.
  expect(asked).toHaveLength(2 * 20_000 + 1);
});

test("a known token is asked for again when the registry has changed, or cannot tell", () => {
  let record: TokenRecord | null = recordOf(1);
  let asked = 0;
  const tokens = {
    version: 1,
    peek: () => {
      asked++;
      return record;
    },
    find: async () => undefined,
  };
  const router = new FrameRouter({ tokens, loops: alone.loops, tokensMax: 100 });
  const frame = frameOf(tokenOf(1));
  const isPlaced = () => {
    const sorting = router.sort(0);
    sorting.add(frame, 0, frame.length);
    return sorting.placed === 1;
  };
  const reports: [number, boolean, number][] = [];
  for (const version of [1, 1, 2, 2, Number.NaN, Number.NaN]) {
    tokens.version = version;
    reports.push([version, isPlaced(), asked]);
  }
  expect(reports.map(([, , count]) => count)).toEqual([1, 1, 2, 2, 3, 4]);
  expect(reports.every(([, placed]) => placed)).toBe(true);
  record = null; // revoked
  tokens.version = 3;
  expect(isPlaced()).toBe(false);
});
