/** A start that fails names the option, the value and the remedy, and ends with status 2. */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, symlinkSync } from "node:fs";
import { mkdir, mkdtemp, open, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { keptOperatorKey } from "../src/app/operator-key.ts";
import { AppError } from "../src/errors/app-error.ts";
import { dataFailure, makeDataFolder } from "../src/files/data-folder.ts";
import { listenFailure } from "../src/sockets/listen-failure.ts";
import { finished, runCli, startCli } from "./support/cli.ts";

let folder: string;
let taken: Server;
let takenAt: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tailrace-test-"));
  taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  takenAt = `127.0.0.1:${(taken.address() as AddressInfo).port}`;
});
afterEach(async () => {
  taken.close();
  await rm(folder, { recursive: true, force: true });
});

const free = ["--http", "127.0.0.1:0", "--syslog", "127.0.0.1:0"];
const env = () => ({ PATH: process.env.PATH ?? "", TAILRACE_DATA: join(folder, "data") });
const serve = (...more: string[]) => runCli(["serve", ...free, ...more], env());
const fixture = (name: string) => fileURLToPath(new URL(`fixtures/tls/${name}.pem`, import.meta.url));
/** Runs `work` while nothing can be written to files: the disk is full. */
async function failingWrites<Result>(work: () => Promise<Result>): Promise<Result> {
  const file = await open("/dev/null", "w");
  const handles = Object.getPrototypeOf(file) as typeof file;
  await file.close();
  const writing = vi.spyOn(handles, "writeFile").mockRejectedValue(failed("ENOSPC"));
  try {
    return await work();
  } finally {
    writing.mockRestore();
  }
}
const strangeFiles = [
  ["pipe", (path: string) => execFileSync("mkfifo", [path])],
  ["folder", (path: string) => mkdirSync(path)],
  ["device", (path: string) => symlinkSync("/dev/zero", path)],
  ["sparse", (path: string) => execFileSync("truncate", ["--size=10G", path])],
] as const;
const failed = (code: string, path?: string) => Object.assign(new Error(code), { code, path });
const textOf = (failure: unknown): string => {
  if (!(failure instanceof AppError)) throw failure;
  expect(failure.exitStatus).toBe(2);
  return `${failure.message}\n${failure.mend}`;
};

describe("`tailrace serve` ends with status 2 and says why", () => {
  test("where another program listens already", async () => {
    const http = await serve("--http", takenAt);
    expect(http).toMatchObject({ status: 2 });
    expect(http.stderr).toBe(
      `tailrace: ${takenAt}, the address of --http, is in use already.\n` +
        "Stop what listens there, or give another with --http HOST:PORT (port 0 takes a free one).\n",
    );
    const syslog = await serve("--syslog", takenAt);
    expect(syslog).toMatchObject({ status: 2 });
    expect(syslog.stderr).toContain(`${takenAt}, the address of --syslog, is in use already.`);
    expect(syslog.stderr).toContain("(port 0 takes a free one; off: none)");
  });

  test.each(["--http", "--syslog"])("for an address in %s that the machine has not", async (option) => {
    const { status, stderr } = await serve(option, "192.0.2.1:0");
    expect(status).toBe(2);
    expect(stderr).toContain(`This machine has no address 192.0.2.1, which ${option} names.`);
  });

  test("for a folder that is a file, or in one", async () => {
    const file = join(folder, "file");
    await writeFile(file, "");
    for (const data of [file, join(file, "below")]) {
      const { status, stderr } = await serve("--data", data);
      expect(status).toBe(2);
      expect(stderr).toContain(`The folder of --data, ${data}, cannot be used: ${data} is no folder`);
    }
  });

  test("for a folder that cannot be made, where Node's own recursive mkdir would never end", async () => {
    const { status, stderr } = await serve("--data", "/proc/tailrace/data");
    expect(status).toBe(2);
    expect(stderr).toContain("The folder of --data, /proc/tailrace/data, cannot be used: ");
  });

  test.each([
    ["server", "client-key", "--tls-key KEY is not the key of --tls-cert CERT."],
    ["server-key", "server-key", "--tls-cert CERT holds no PEM certificate."],
    ["server", "server", "--tls-key KEY holds no PEM private key, or one with a pass phrase."],
  ])("for the certificate %s with the key %s", async (cert, key, words) => {
    const { status, stderr } = await serve("--tls-cert", fixture(cert), "--tls-key", fixture(key));
    expect(status).toBe(2);
    expect(stderr).toContain(words.replace("CERT", fixture(cert)).replace("KEY", fixture(key)));
  });

  test.runIf(process.platform !== "win32")("for files that are none, or endless", async () => {
    for (const [kind, make] of strangeFiles) {
      const path = join(folder, `${kind}.json`);
      make(path);
      const { status, stderr } = await serve("--tls-cert", path, "--tls-key", path);
      expect(stderr).toMatch(
        /'--tls-cert <file>' argument '.*' is invalid\. It is (no file|a folder|larger)/,
      );
      expect(status).toBe(2);
    }
    await rm(join(folder, "folder.json"), { recursive: true });
    const { status, stderr } = await serve("--addons", folder);
    expect(stderr).toContain(`--addons cannot be read: ${join(folder, "device.json")}: ENXIO.`);
    expect(status).toBe(2);
  });

  test("for an operator's key that is none", async () => {
    await writeFile(join(folder, "api-key"), Buffer.from([1, 200, 255, 0, 32, 9, 120]));
    const { status, stderr } = await serve("--data", folder);
    expect(status).toBe(2);
    expect(stderr).toContain(`${join(folder, "api-key")} holds what no request can carry as a key`);
  });

  test("for an operator's key that is cut", async () => {
    await writeFile(join(folder, "api-key"), "trk_0123456789\n");
    const { status, stderr } = await serve("--data", folder);
    expect(status).toBe(2);
    expect(stderr).toContain(
      `${join(folder, "api-key")} holds a part of a key; put the whole one back, or remove it`,
    );
  });
});

test("SIGTERM during a start that waits ends the process at once, with status 0", async () => {
  taken.on("connection", (socket) => socket.on("error", () => {})); // accepts, and never speaks as NATS does
  const child = startCli(["serve", ...free, "--nats", `nats://${takenAt}`], env());
  const ended = finished(child);
  await once(taken, "connection");
  child.kill("SIGTERM");
  const { status, stdout, stderr } = await ended;
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(stdout).toContain("stopped before the start was done");
});

describe("the folder of --data", () => {
  test("is made with all above it, for its owner alone; one that is there stays as it is", async () => {
    const inner = join(folder, "a", "b");
    makeDataFolder(inner);
    expect((await stat(inner)).mode & 0o777).toBe(0o700);
    await mkdir(join(folder, "c"), { mode: 0o755 });
    makeDataFolder(join(folder, "c"));
    expect((await stat(join(folder, "c"))).mode & 0o777).toBe(0o755);
  });

  test("keeps the key that it has", async () => {
    const { secret, path } = await keptOperatorKey(join(folder, "new"));
    expect((await readFile(path, "utf8")).trim()).toBe(secret);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await keptOperatorKey(join(folder, "new"))).toEqual({ secret, path });
    expect(await readdir(join(folder, "new"))).toEqual(["api-key"]);
    await writeFile(path, "my own word\n");
    expect(await keptOperatorKey(join(folder, "new"))).toEqual({ secret: "my own word", path });
  });

  test.each([
    ["empty", ""],
    ["of blanks", " \n"],
    ["of the zeros that a power cut leaves", "\0".repeat(48)],
  ])("gets a new key for a file that is %s: no word at all would be the operator's", async (_, text) => {
    const path = join(folder, "api-key");
    await writeFile(path, text);
    const logged: unknown[] = [];
    const { secret } = await keptOperatorKey(folder, { warn: (...what: unknown[]) => logged.push(what) });
    expect(secret).toMatch(/^trk_[\w-]{43}$/);
    expect(await readFile(path, "utf8")).toBe(`${secret}\n`);
    expect(logged).toHaveLength(1);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(["api-key"]);
  });

  test.runIf(process.platform !== "win32").each(["api-key", "tailrace.json", "data.mdb"])(
    "whose %s is a pipe, a folder or endless is told, not waited for",
    async (name) => {
      for (const [kind, make] of strangeFiles) {
        const inner = join(folder, kind);
        await mkdir(inner);
        make(join(inner, name));
        const { status, stderr } = await serve("--data", inner);
        expect(stderr).toMatch(new RegExp(`${inner}/${name} is (no file|larger than|no LMDB file)`));
        expect(status).toBe(stderr.includes("no LMDB file") ? 1 : 2);
      }
    },
  );

  test("has one key for all that start in it at once", async () => {
    const found = await Promise.all(Array.from({ length: 8 }, () => keptOperatorKey(join(folder, "shared"))));
    expect(new Set(found.map(({ secret }) => secret)).size).toBe(1);
    expect((await readFile(found[0]!.path, "utf8")).trim()).toBe(found[0]!.secret);
  });

  test("whose disk is full gets no key and no file; the next start makes it", async () => {
    const blocked = join(folder, "blocked");
    await mkdir(blocked);
    const made = await failingWrites(() => keptOperatorKey(blocked).catch((failure: unknown) => failure));
    expect(textOf(made)).toContain("is full");
    expect(await readdir(blocked)).toEqual([]);
    expect((await keptOperatorKey(blocked)).secret).toMatch(/^trk_/);
  });

  test.each([
    [failed("EACCES", "/srv/x/api-key"), "permission denied at /srv/x/api-key."],
    [failed("EROFS", "/srv/x/api-key"), "the disk of /srv/x/api-key is read-only."],
    [failed("ENOSPC"), "the disk of /srv/x is full."],
    [Object.assign(new Error("Permission denied"), { code: 13 }), "permission denied at /srv/x."], // as LMDB has it
  ])("%s", (cause, words) => {
    const text = textOf(dataFailure("/srv/x", cause));
    expect(text).toContain(`The folder of --data, /srv/x, cannot be used: ${words}\n`);
    expect(text).toContain("another folder with --data");
  });

  test("a failure of another kind stays what it is", () => {
    for (const cause of [failed("EMFILE"), Object.assign(new Error(), { code: -30793 })]) {
      expect(dataFailure("/srv/x", cause)).toBe(cause);
      expect(listenFailure("--http", { host: "::1", port: 1 }, cause)).toBe(cause);
    }
  });
});

test.each([
  [
    "EACCES",
    "does not let this process listen on [::1]:80, the address of --syslog.\nGive a port above 1023",
  ],
  ["ENOTFOUND", "This machine has no address ::1, which --syslog names.\nGive one that it has"],
])("a listener that fails with %s", (code, words) => {
  expect(textOf(listenFailure("--syslog", { host: "::1", port: 80 }, failed(code)))).toContain(words);
});
