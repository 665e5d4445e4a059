import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fullNames, NameFiles, parseHosts, parseResolvConf } from "../../src/drains/name-files.ts";

test("hosts: names by their addresses, comments and nonsense left out", () => {
  const text = [
    "127.0.0.1\tlocalhost Box.lan. # the machine",
    "# 10.0.0.9 box.lan",
    "  ::1 localhost ip6-localhost",
    "nonsense box.lan",
    "10.0.0.1",
    "",
    "10.0.0.2 box.lan\r",
  ].join("\n");
  expect(Object.fromEntries(parseHosts(text))).toEqual({
    localhost: [
      { address: "127.0.0.1", family: 4 },
      { address: "::1", family: 6 },
    ],
    "box.lan": [
      { address: "127.0.0.1", family: 4 },
      { address: "10.0.0.2", family: 4 },
    ],
    "ip6-localhost": [{ address: "::1", family: 6 }],
  });
});

test.each([
  ["", [], 1],
  ["nameserver 10.0.0.1\n", [], 1],
  ["domain one.example\n", ["one.example"], 1],
  ["domain one.example\nsearch Two.example. three.example\n", ["two.example", "three.example"], 1],
  ["search two.example # why\noptions timeout:1 ndots:5 ndots:2\n", ["two.example"], 2],
  ["search a b c d e f g h\noptions ndots:99\n", ["a", "b", "c", "d", "e", "f"], 15],
  ["search .\noptions ndots:x\n; search c\n", [], 1],
])("resolv.conf %j", (text, search, ndots) => expect(parseResolvConf(text)).toEqual({ search, ndots }));

test("no file makes the parsers throw", () => {
  const text = fc.oneof(
    fc.string(),
    fc.stringMatching(/^(search|options|127\.0\.0\.1|::1|[ \t\n#;:]|ndots:\d|x)*$/),
  );
  fc.assert(
    fc.property(text, (some) => {
      parseHosts(some);
      expect(parseResolvConf(some).search.length).toBeLessThanOrEqual(6);
    }),
  );
});

describe("what a name stands for", () => {
  const search = ["a.example", "b.example"];
  test.each([
    ["box", 1, ["box.a.example", "box.b.example", "box"]],
    ["box.lan", 1, ["box.lan", "box.lan.a.example", "box.lan.b.example"]],
    ["box.lan", 2, ["box.lan.a.example", "box.lan.b.example", "box.lan"]],
    ["box.", 5, ["box"]],
  ])("%s with ndots %i", (name, ndots, full) => expect(fullNames(name, { search, ndots })).toEqual(full));
});

test("files that are not there say nothing, and one that is is read", async () => {
  const folder = await mkdtemp(join(tmpdir(), "tailrace-names-"));
  try {
    const none = new NameFiles({ hosts: join(folder, "none"), resolvConf: join(folder, "none") });
    expect(await none.facts()).toMatchObject({ hosts: new Map(), search: [], ndots: 1 });
    await writeFile(join(folder, "hosts"), "10.0.0.1 box\n");
    await writeFile(join(folder, "resolv.conf"), "search lan\n");
    const files = new NameFiles({ hosts: join(folder, "hosts"), resolvConf: join(folder, "resolv.conf") });
    const { hosts, search } = await files.facts();
    expect([hosts.get("box"), search]).toEqual([[{ address: "10.0.0.1", family: 4 }], ["lan"]]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
