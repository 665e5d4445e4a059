import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Batch,
  decodeBatch,
  encodeBatch,
  endOf,
  isEncoded,
  markOf,
  positionIn,
} from "../../src/core/batch/batch.ts";
import { LineCursor } from "../../src/core/batch/line-cursor.ts";
import { weigh } from "../../src/core/batch/loss.ts";
import { l10, l13, l14, l14Expiry, noticeLine } from "../../src/core/batch/notice.ts";
import { newProducerId } from "../../src/core/ids.ts";
import {
  comparePositions,
  isSamePlace,
  logOf,
  origin,
  parsePosition,
  positionAt,
  readPosition,
} from "../../src/core/position.ts";
import { drainRetry, retryDelayMs } from "../../src/core/scheduling/retry.ts";
import { incarnationOf, newLogId } from "../../src/engines/incarnation.ts";

describe("positions", () => {
  test("print and read back", () => {
    const safe = fc.maxSafeNat();
    fc.assert(
      fc.property(safe, fc.nat(999_999), fc.nat(), fc.nat(), safe, (sequence, lines, life, first, line) => {
        expect(readPosition(positionAt(sequence, lines))).toEqual({ sequence, lines });
        const incarnation = incarnationOf(newLogId(), life);
        const mark = markOf({ producer: newProducerId(), firstLine: first });
        expect(readPosition(positionAt(sequence, lines, logOf(incarnation, mark)))).toEqual({
          ...{ sequence, lines, incarnation, mark },
        });
        expect(readPosition(positionAt(sequence, lines, logOf(incarnation, mark, line)))).toEqual({
          ...{ sequence, lines, incarnation, mark, line },
        });
        expect(readPosition(positionAt(sequence, lines, logOf(incarnation)))).toEqual({
          ...{ sequence, lines, incarnation },
        });
      }),
    );
  });

  test.each([
    "",
    "1",
    "1.",
    ".1",
    "01.1",
    "-1.0",
    "1.1.1",
    "9999999999999999999.0",
    "1.x",
    "1.0\n",
    "1.1.abc",
    "1.1.abcd.",
    "1.1.abcd.1234567",
    "1.1.abcd.1.",
    "1.1.abcd.1.01",
    "1.1.abcd.1.zzzzzzzzzzz",
    "1.1.ABCD",
  ])("%j is none", (text) => expect(parsePosition(text)).toBeUndefined());

  test("are ordered by batch, then by line; the origin lies before all", () => {
    expect(comparePositions(positionAt(9, 5), positionAt(10, 0))).toBeLessThan(0);
    expect(comparePositions(positionAt(9, 5), positionAt(9, 4))).toBeGreaterThan(0);
    expect(comparePositions(origin, positionAt(0, 1))).toBeLessThan(0);
  });

  test("are of the same place unless they name other logs or other batches", () => {
    const of = (log: string) => positionAt(7, 2, log);
    expect(isSamePlace(of(""), of(".life1.m1"))).toBe(true);
    expect(isSamePlace(of(".life1"), of(".life1.m1"))).toBe(true);
    expect(isSamePlace(of(".life1.m1"), of(".life1.m2"))).toBe(false);
    expect(isSamePlace(of(".life1.m1"), of(".life2.m1"))).toBe(false);
    expect(isSamePlace(of(".life1.m1"), positionAt(7, 3, ".life1.m1"))).toBe(false);
  });
});

describe("a stored batch", () => {
  const place = { sequence: 7, line: 12, incarnation: "test0" };
  const batch: Batch = {
    producer: newProducerId(),
    firstLine: 2 ** 40,
    acceptedAtMs: 1.7e12,
    count: 3,
    form: "rfc5424",
    bytes: Buffer.from("anything"),
  };

  test("is read back as it was", () => {
    const stored = decodeBatch(Buffer.concat(encodeBatch(batch)), place);
    expect({ ...stored, bytes: Buffer.from(stored.bytes) }).toEqual({ ...batch, ...place });
    expect(positionIn(stored, 2)).toBe(`7.2.test0.${markOf(batch)}`);
    expect(endOf(stored)).toBe(`7.3.test0.${markOf(batch)}`);
  });

  test("is known by every byte of it, and leaves the room before it that was asked for", () => {
    const stored = Buffer.concat(encodeBatch(batch, 10)).subarray(10);
    expect(stored).toEqual(Buffer.concat(encodeBatch(batch)));
    expect(isEncoded(stored, batch)).toBe(true);
    for (const at of stored.keys()) {
      const other = Buffer.from(stored);
      other[at]! ^= 1;
      expect(isEncoded(other, batch)).toBe(false);
    }
    expect(isEncoded(stored.subarray(0, -1), batch)).toBe(false);
    expect(isEncoded(Buffer.alloc(0), batch)).toBe(false);
  });

  test("that is damaged is told from one that is not", () => {
    expect(() => decodeBatch(Buffer.from("x"), place)).toThrow("damaged");
    expect(() => decodeBatch(Buffer.alloc(40), place)).toThrow("damaged");
  });
});

describe("loss", () => {
  test("a jump is missing lines, a step back is repeated ones", () => {
    expect(weigh(10, { line: 10, count: 5 })).toEqual({ missing: 0, repeated: 0 });
    expect(weigh(10, { line: 13, count: 5 })).toEqual({ missing: 3, repeated: 0 });
    expect(weigh(10, { line: 8, count: 5 })).toEqual({ missing: 0, repeated: 2 });
    expect(weigh(10, { line: 2, count: 5 })).toEqual({ missing: 0, repeated: 5 });
  });

  test("what is due moves on by what is missing and new, whatever is cut away or sent again", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(50), fc.integer({ min: 1, max: 9 }))), (steps) => {
        let due = 0;
        let accounted = 0;
        for (const [line, count] of steps) {
          const { missing, repeated } = weigh(due, { line, count });
          accounted += missing + count - repeated;
          due = Math.max(due, line + count);
        }
        expect(accounted).toBe(due);
      }),
    );
  });
});

describe("retries", () => {
  test("of a drain grow to half a minute, within the jitter, and never end", () => {
    const delays = [0, 1, 2, 3, 6, 7, 100].map((attempt) => retryDelayMs(drainRetry, attempt, 0.5));
    expect(delays).toEqual([250, 500, 1000, 2000, 16_000, 30_000, 30_000]);
    expect(retryDelayMs(drainRetry, 100, 0)).toBe(24_000);
    expect(retryDelayMs(drainRetry, 100, 0.999_999)).toBe(36_000);
  });

  test("of a bounded policy end", () => {
    expect(retryDelayMs({ ...drainRetry, attemptsMax: 2 }, 2, 0)).toBeNull();
  });
});

describe("a notice", () => {
  const messageOf = (line: ReturnType<typeof noticeLine>) => {
    const cursor = new LineCursor().open(line.bytes, line.form);
    expect(cursor.next()).toBe(true);
    const text = (start: number, end: number) => Buffer.from(line.bytes.subarray(start, end)).toString();
    expect(text(cursor.sourceStart, cursor.sourceEnd)).toBe("heroku");
    expect(text(cursor.processStart, cursor.processEnd)).toBe("logplex");
    const message = text(cursor.messageStart, cursor.messageEnd);
    expect(cursor.next()).toBe(false);
    return message;
  };

  test("tells what was lost, since when, and of which drain", () => {
    expect(messageOf(l10("d.1", 21, 0, 1))).toBe(
      "Error L10 (output buffer overflow): drain 'd.1' dropped 21 messages since 1970-01-01T00:00:00.000000+00:00. " +
        'Retention took them before they could be sent: "tailrace drains:info d.1" says what held the drain up.\n',
    );
    expect(messageOf(l13("d.1", 2, 0, { reason: "status 400", isMixed: false }, 1))).toContain(
      "Error L13 (messages refused): drain 'd.1' had 2 messages refused since 1970-01-01T00:00:00.000000+00:00, they are not sent again: status 400",
    );
    expect(messageOf(l14("d.1", 'a "bad" one', "https://h/", 1))).toContain(
      `error="a 'bad' one" uri="https://h/"`,
    );
    expect(messageOf(l14Expiry("d.1", "it ends today", "https://h/", 1))).toContain(
      `(certificate expiry): drain 'd.1' error="it ends today; lines are still delivered" uri="https://h/"`,
    );
  });

  test("is one line, whatever a destination answered", () => {
    expect(messageOf(noticeLine(172, 0, "a\r\nb\u2028c"))).toBe("a b c\n");
  });
});
