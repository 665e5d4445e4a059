import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
// @ts-expect-error: scripts are plain JavaScript
import { assembled } from "../../../scripts/lib/assembly.mjs";
import { lineCode } from "../../../src/core/batch/line-code.ts";

test("the WebAssembly that is tracked is that of assembly/", async () => {
  const tracked = readFileSync(new URL("../../../src/core/batch/assembled-code.ts", import.meta.url), "utf8");
  expect(await assembled()).toBe(tracked);
});

test("its memory has room for all that is in it", () => {
  const { memory, memoryBytes } = lineCode!.code;
  expect(memory.buffer.byteLength).toBeGreaterThanOrEqual(memoryBytes.value);
});
