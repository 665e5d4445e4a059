import fc from "fast-check";
import { expect, test } from "vitest";
import { relpFrame } from "../../../src/core/wire/relp.ts";
import { RoundAnswers } from "../../../src/ingest/relp/round-answers.ts";

const transaction = fc.oneof(
  fc.integer({ min: 0, max: 999_999_999 }),
  fc.nat(8).map((digits) => 10 ** digits),
  fc.nat(9).map((digits) => 10 ** digits - 1),
);

test("answers are those that were added, in order, and none is left for the next round", () => {
  const answers = new RoundAnswers();
  const given = fc.array(fc.tuple(transaction, fc.option(fc.constantFrom("", "200 OK\nx", "500 no"))), {
    maxLength: 3_000,
    size: "max",
  });
  fc.assert(
    fc.property(given, (added) => {
      for (const [number, data] of added)
        if (data === null) answers.addStored(number);
        else answers.add(number, data);
      const text = added.map(([number, data]) => relpFrame(number, "rsp", data ?? "200 OK")).join("");
      expect(answers.bytes).toBe(text.length);
      expect(answers.take()).toBe(text);
      expect([answers.bytes, answers.take()]).toEqual([0, ""]);
    }),
    { numRuns: 50 },
  );
});
