/** Manifests of add-ons that cannot be used are told with their file and the reason. */
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readManifests } from "../../src/addons/manifest.ts";

describe("manifests", () => {
  test.each([
    ["no JSON", "{", "no JSON"],
    ["nothing in it", "null", "`id`"],
    ["no password", '{"id":"x","api":{"production":"http://a/b"}}', "password"],
    ["no address", '{"id":"x","api":{"password":"p"}}', "base_url"],
    ["an odd service", '{"id":"X Y","api":{"password":"p","production":"http://a"}}', "`id`"],
    [
      "odd config vars",
      '{"id":"x","api":{"password":"p","production":"http://a","config_vars":["a b"]}}',
      "config_vars",
    ],
  ])("with %s are told with their file", (_, text, why) => {
    const odd = mkdtempSync(join(tmpdir(), "tailrace-addons-"));
    writeFileSync(join(odd, "odd.json"), text);
    expect(() => readManifests(odd)).toThrow(why);
    expect(() => readManifests(odd)).toThrow("odd.json");
    rmSync(odd, { recursive: true });
  });

  test("of no folder are none; of a folder that is not there is said", () => {
    expect(readManifests(undefined).size).toBe(0);
    expect(() => readManifests(join(tmpdir(), "nowhere", "at", "all"))).toThrow("all: ENOENT");
    const odd = mkdtempSync(join(tmpdir(), "tailrace-addons-"));
    symlinkSync(join(odd, "gone"), join(odd, "lost.json"));
    expect(() => readManifests(odd)).toThrow("--addons cannot be read");
    rmSync(odd, { recursive: true });
  });
});
