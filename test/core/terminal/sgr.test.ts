import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { knownSgr, sgrAfter, sgrOff, sgrSequence } from "../../../src/core/terminal/sgr.ts";

const esc = "\u001b";
const stateAfter = (...parameters: string[]) =>
  parameters.reduce((state, given) => sgrAfter(state, `${esc}[${given}m`), sgrOff);

describe("what is on after a sequence", () => {
  test.each<[given: string[], on: string]>([
    [["31"], "31"],
    [["31", "39"], ""],
    [["1;31", "22"], "31"],
    [["1;4;7", ""], ""],
    [["31;0;4"], "4"],
    [["38;5;208"], "38;5;208"],
    [["38;2;1;2;3;1"], "38;2;1;2;3;1"],
    [["48:2::1:2:3"], "48:2::1:2:3"],
    [["31", "32"], "32"],
    [["92;104"], "92;104"],
    [["38"], ""],
    [["73"], ""],
  ])("%j is %s", (given, on) => {
    expect(sgrSequence(stateAfter(...given))).toBe(on === "" ? "" : `${esc}[${on}m`);
  });

  test.each<[given: string, shown: string]>([
    ["8", ""],
    ["08", ""],
    ["8:1", ""],
    ["28", ""],
    ["5", ""],
    ["6;25", ""],
    ["31;8", "31"],
    ["8;0;1", "0;1"],
    ["58;5;8", ""],
    ["38;8", ""],
    ["38;5;8", "38;5;8"],
    ["48;2;8;5;6;8", "48;2;8;5;6"],
    ["38:5:8", "38:5:8"],
    ["", ""],
    ["51;73;10", ""],
  ])("%s neither hides a text nor lets it blink", (given, shown) => {
    const expected = shown === "" && given !== "" ? "" : `${esc}[${shown}m`;
    expect(knownSgr(`${esc}[${given}m`)).toBe(expected);
  });

  test("can be turned on again by one sequence, and off by a reset", () => {
    const parameters = fc.array(fc.oneof(fc.nat(110), fc.constantFrom("38;5;9", "48;2;1;2;3", "")), {
      maxLength: 6,
    });
    fc.assert(
      fc.property(fc.array(parameters, { maxLength: 5 }), (sequences) => {
        const state = stateAfter(...sequences.map((given) => given.join(";")));
        expect(sgrAfter(sgrOff, sgrSequence(state))).toEqual(state);
        expect(sgrAfter(state, `${esc}[0m`).size).toBe(0);
      }),
    );
  });
});
