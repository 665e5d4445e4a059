import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CanaryLedger, canaryText, numbersIn, ways } from "../../src/canary/ledger.ts";

const limits = { lostMs: 60_000, waitingMax: 5 };

test("a line that comes back tells how long it took, once for each way", () => {
  const ledger = new CanaryLedger(limits);
  ledger.sent(1, 1_000);
  expect(ledger.returned("log", 1, 1_002)).toBe(2);
  expect(ledger.returned("drain", 1, 1_050)).toBe(50);
  expect(ledger.returned("drain", 1, 1_060)).toBeUndefined();
  expect(ledger.returned("log", 2, 1_060)).toBeUndefined();
});

test("a line that did not come back in time is lost, and does not come back later", () => {
  const ledger = new CanaryLedger(limits);
  ledger.sent(1, 0);
  ledger.returned("log", 1, 1);
  expect(ledger.sent(2, 59_999)).toEqual({ log: 0, drain: 0, receiver: 0 });
  expect(ledger.sent(3, 60_000)).toEqual({ log: 0, drain: 1, receiver: 0 });
  expect(ledger.returned("drain", 1, 60_001)).toBeUndefined();
});

test("of lines that pile up the oldest are lost: no more than so many are waited for", () => {
  const ledger = new CanaryLedger(limits);
  let lost = 0;
  for (let number = 1; number <= 20; number++) lost += ledger.sent(number, number).drain;
  expect(lost).toBe(20 - limits.waitingMax);
});

test("a receiver is waited for once it has sent something; a line that was not taken is waited for by nobody", () => {
  const ledger = new CanaryLedger(limits);
  ledger.sent(1, 0);
  ledger.returned("receiver", 1, 1);
  ledger.sent(2, 2);
  ledger.sent(3, 3);
  ledger.withdraw(3);
  expect(ledger.sent(4, 60_003)).toEqual({ log: 2, drain: 2, receiver: 1 });
});

test("sent = returned + lost + waiting, by each way, whatever happens", () => {
  const events = fc.array(
    fc.oneof(
      fc.record({ kind: fc.constant("sent" as const), afterMs: fc.nat(30_000) }),
      fc.record({
        kind: fc.constant("returned" as const),
        way: fc.constantFrom(...ways),
        number: fc.nat(40),
      }),
    ),
    { maxLength: 80 },
  );
  fc.assert(
    fc.property(events, (all) => {
      const ledger = new CanaryLedger(limits);
      const counts = {
        log: { back: 0, lost: 0 },
        drain: { back: 0, lost: 0 },
        receiver: { back: 0, lost: 0 },
      };
      let [number, nowMs] = [0, 0];
      for (const event of all) {
        if (event.kind === "returned") {
          const took = ledger.returned(event.way, event.number, nowMs);
          if (took !== undefined) counts[event.way].back++;
          continue;
        }
        nowMs += event.afterMs;
        const lost = ledger.sent(++number, nowMs);
        for (const way of ways) counts[way].lost += lost[way];
      }
      const last = ledger.sent(++number, nowMs + limits.lostMs);
      for (const way of ["log", "drain"] as const)
        expect(counts[way].back + counts[way].lost + last[way] + 1).toBe(number);
    }),
  );
});

describe("numbers", () => {
  test("are found in text of any form, those of this node alone", () => {
    const [one, two] = [canaryText("ab12", 1), canaryText("ab12", 22)];
    const text = `97 <14>1 - host canary canary.1 - ${one}\n{"message":"${two}"}${canaryText("ff00", 3)}`;
    expect(numbersIn(text, "ab12")).toEqual([1, 22]);
  });

  test("that are too long to be one are none", () => {
    expect(numbersIn(`canary ab12 n=${"9".repeat(40)}`, "ab12")).toEqual([]);
  });
});
