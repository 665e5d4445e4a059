/** Each setting's parser: what it takes, and what it says of anything else. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Config, serveOptions, settingsInForce } from "../src/config.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tailrace-test-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const parsed = (...args: string[]): Config => {
  const command = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  for (const option of serveOptions()) command.addOption(option);
  return command.parse(args, { from: "user" }).opts<Config>();
};

test.each([
  ["--http", "127.0.0.1:99999", "ports are 0 to 65535, 0 takes a free one."],
  ["--http", "8601", "Write HOST:PORT, as in 127.0.0.1:8601"],
  ["--drain-allow", "10.0.0.1", '"10.0.0.1" is no range.'],
  ["--drain-allow", "10.0.0.1", "or 10.0.0.1/32 for one address."],
  ["--ingest-url", "logs.example.com", "Write an http:// or https:// address without query"],
  [
    "--ingest-url",
    "https://token:t.x@logs.example.com",
    "Write an http:// or https:// address without query",
  ],
  ["--tls-cert", "/nope/cert.pem", "There is no such file."],
  ["--tls-cert", ".", "It is a folder."],
])("%s %s: the value is named, and %s", (flag, value, words) => {
  expect(() => parsed(flag, value)).toThrow(`option '${flag} `);
  expect(() => parsed(flag, value)).toThrow(`argument '${value}' is invalid. `);
  expect(() => parsed(flag, value)).toThrow(words);
});

test("a file is named once", async () => {
  const inFile = join(folder, "file", "cert.pem");
  await writeFile(join(folder, "file"), "");
  expect(() => parsed("--tls-cert", inFile)).toThrow(
    /^[^/]*\/[^']*cert\.pem' is invalid\. There is no such file\.$/,
  );
});

test("what they take", () => {
  const { http, drainAllow } = parsed("--http", "[::1]:0", "--drain-allow", "10.0.0.1/32,fd00::/8");
  expect({ http, drainAllow }).toEqual({
    http: { host: "::1", port: 0 },
    drainAllow: ["10.0.0.1/32", "fd00::/8"],
  });
});

test("settings in force are shown in the words of their flags, without passwords", () => {
  const config = parsed(
    "--nats",
    "nats://me:secret@n1:4222,tls://n2:4222",
    "--http",
    "[::1]:80",
    "--retain",
    "90m",
  );
  const shown = new Map(settingsInForce(config).map(({ flag, value }) => [flag, value]));
  expect(shown.get("--nats")).toBe("nats://…@n1:4222,tls://n2:4222");
  expect(shown.get("--http")).toBe("[::1]:80");
  expect(shown.get("--retain")).toBe("90m");
  expect(shown.get("--roles")).toBe("ingest,tail,drain,control");
  expect(shown.get("--public-url")).toBe(null);
});
