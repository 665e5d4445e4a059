import { expect, test } from "vitest";
// @ts-expect-error: the scripts are plain JavaScript, so that they run where nothing is installed
import { isInstalled } from "../../scripts/lib/packages.mjs";

const wanted = {
  "": { version: "1.0.0" },
  "node_modules/a": { version: "1.0.0" },
  "node_modules/for-another-platform": { version: "2.0.0", optional: true },
};

test("a checkout without node_modules is not installed", () => {
  expect(isInstalled(wanted, undefined)).toBe(false);
});

test("optional packages of other platforms may be missing", () => {
  expect(isInstalled(wanted, { "node_modules/a": { version: "1.0.0" } })).toBe(true);
});

test("a package that is missing or has another version makes the checkout stale", () => {
  expect(isInstalled(wanted, {})).toBe(false);
  expect(isInstalled(wanted, { "node_modules/a": { version: "1.0.1" } })).toBe(false);
  const other = {
    "node_modules/a": { version: "1.0.0" },
    "node_modules/for-another-platform": { version: "1.9.0" },
  };
  expect(isInstalled(wanted, other)).toBe(false);
});
