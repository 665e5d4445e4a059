/**
 * No body is copied into larger and larger memory as its lines come: whatever becomes far longer than what was sent
 * lies in parts, or in memory that was taken once.
 */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { partBytesMax } from "../../../src/core/batch/canonical.ts";
import { type OtlpDoor, openOtlpDoor } from "../otlp/otlp-door.ts";
import { channelOf, tokenOf } from "../registry.ts";

const lines = 60_000;
const attribute = (value: string) => ({ key: "k", value: { stringValue: value } });
const otlp = (records: number, shared: string) =>
  JSON.stringify({
    resourceLogs: [
      {
        resource: { attributes: [attribute(shared)] },
        scopeLogs: [{ logRecords: Array(records).fill({ body: { stringValue: "x" } }) }],
      },
    ],
  });

/** Frames that name three tokens in turn. */
const routed = Array.from({ length: lines }, (_, n) => `<13>1 - - ${tokenOf(1 + (n % 3))} - - - x`);

let door: OtlpDoor;
beforeEach(async () => {
  door = await openOtlpDoor();
});
afterEach(() => door.close());

/** Runs `work`, and returns the bytes of the largest copy between two pieces of memory. */
async function largestCopy(work: () => Promise<void>): Promise<number> {
  const typed = Object.getPrototypeOf(Uint8Array.prototype);
  const { set } = typed;
  let largest = 0;
  const copies = vi.spyOn(typed, "set").mockImplementation(function (this: unknown, ...given) {
    largest = Math.max(largest, (given[0] as Uint8Array).byteLength);
    set.apply(this, given);
  });
  await work();
  copies.mockRestore();
  return largest;
}

const bodies: readonly (readonly [string, string, string, string, number, string?])[] = [
  ["frames of one token", "/logs", "application/logplex-1", "1 x".repeat(lines), lines],
  [
    "frames of many tokens",
    "/logs",
    "application/logplex-1",
    routed.map((text) => `${text.length} ${text}`).join(""),
    lines,
    "everything",
  ],
  ["text", "/logs", "text/plain", "\n".repeat(lines), lines],
  [
    "text of long and short lines",
    "/logs",
    "text/plain",
    `${"x".repeat(2_000)}\n`.repeat(500) + "\n".repeat(lines),
    lines + 500,
  ],
  ["lines of JSON", "/logs", "application/x-ndjson", "1\n".repeat(lines), lines],
  ["a document of JSON", "/logs", "application/json", `[${"1,".repeat(lines)}1]`, lines + 1],
  ["records of OTLP that share much", "/v1/logs", "application/json", otlp(400, "y".repeat(30_000)), 400],
];

test.each(bodies.map(([name, ...rest]) => ({ name, rest })))(
  "$name",
  async ({ rest: [path, type, body, count, key] }) => {
    const largest = await largestCopy(async () => {
      const answer = await door.post(path, body, {
        "content-type": type,
        authorization: `Bearer ${key ?? tokenOf(1)}`,
      });
      expect(answer.ok, await answer.text()).toBe(true);
    });
    expect(largest).toBeLessThanOrEqual(partBytesMax);
    const stored = [1, 2, 3].map((app) => door.log.lines(channelOf(app)).length);
    expect(stored[0]! + stored[1]! + stored[2]!).toBe(count);
  },
);
