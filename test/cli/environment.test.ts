/** The key of a command, where its file cannot be read. */
import * as fs from "node:fs";
import { expect, test, vi } from "vitest";
import { findKey } from "../../cli/environment.ts";

vi.mock("node:fs", async (actual) => ({ ...(await actual<typeof fs>()), openSync: vi.fn() }));

const find = (code: string) => {
  vi.mocked(fs.openSync).mockImplementation(() => {
    throw Object.assign(new Error(code), { code });
  });
  return findKey({ TAILRACE_DATA: "/data" }, new URL("http://127.0.0.1:8601"));
};

test.each(["EMFILE", "ENFILE"])("that too many files are open (%s) is no missing key, and passes", (code) => {
  expect(() => find(code)).toThrow(
    expect.objectContaining({ passing: true, message: expect.stringContaining(code) }),
  );
});

test("what cannot be sent is no key: it is told, not tried", () => {
  const url = new URL("http://127.0.0.1:8601");
  expect(() => findKey({ TAILRACE_API_KEY: "trk_a\u0000b" }, url)).toThrow(
    expect.objectContaining({ message: "The key from TAILRACE_API_KEY has characters that no key has." }),
  );
});

test.each(["EACCES", "ENOENT"])("a file that cannot be read for another reason (%s) is no key", (code) => {
  expect(find(code).key).toBeUndefined();
});
