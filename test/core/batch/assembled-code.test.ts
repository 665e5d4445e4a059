import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
// @ts-expect-error: scripts are plain JavaScript
import { assembled } from "../../../scripts/lib/assembly.mjs";

test("the WebAssembly that is tracked is that of assembly/", async () => {
  const tracked = readFileSync(new URL("../../../src/core/batch/assembled-code.ts", import.meta.url), "utf8");
  expect(await assembled()).toBe(tracked);
});
