import { expect, test } from "vitest";
import { encodedBytes } from "../../../src/core/batch/batch.ts";
import { partsOf } from "../../../src/engines/nats/log/parts.ts";
import { batchOf, textsOf } from "../../support/batches.ts";

test("a part is known by its lines: one that another server's max_payload cut elsewhere is no repeat of it", () => {
  const texts = Array.from({ length: 12 }, (_, n) => `line ${n}`);
  const batch = batchOf(texts, { firstLine: 5, dedupId: "id" });
  const one = encodedBytes(batchOf(["line 0"]));
  const linesById = new Map<string, string>();
  for (const bytesMax of [one, 2 * one, 4 * one, 2 * one]) {
    const parts = partsOf(batch, bytesMax);
    expect(parts.length).toBeGreaterThan(1);
    expect(parts.flatMap(textsOf)).toEqual(texts);
    for (const part of parts) {
      const lines = textsOf(part).join();
      expect(linesById.get(part.dedupId!) ?? lines).toBe(lines);
      linesById.set(part.dedupId!, lines);
    }
  }
  expect(partsOf(batchOf(texts), one).every(({ dedupId }) => dedupId === undefined)).toBe(true);
});
