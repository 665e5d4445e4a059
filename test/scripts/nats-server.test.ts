import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
// @ts-expect-error: the scripts are plain JavaScript, so that they run where nothing is installed
import { ensureNatsServer } from "../../scripts/lib/nats-server.mjs";

let folder: string;
beforeEach(() => {
  vi.spyOn(process.stdout, "write").mockReturnValue(true); // the steps that it says
  folder = mkdtempSync(join(tmpdir(), "tailrace-path-"));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

function program(name: string, script: string): string {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

const natsServer = 'echo "nats-server: v2.10.0"';

test("the nats-server that NATS_SERVER names comes first", async () => {
  const named = program("my-nats", natsServer);
  expect(await ensureNatsServer({ PATH: folder, NATS_SERVER: named })).toBe(named);
});

test("a NATS_SERVER that is none is an error, not a reason to take another", async () => {
  program("nats-server", natsServer);
  const other = program("other", "echo something else");
  await expect(ensureNatsServer({ PATH: folder, NATS_SERVER: other })).rejects.toThrow(
    "does not run as a nats-server",
  );
});

test("the one on PATH is taken", async () => {
  program("nats-server", natsServer);
  expect(await ensureNatsServer({ PATH: folder })).toBe("nats-server");
});

test("without one and without apt-get it says what to install", async () => {
  await expect(ensureNatsServer({ PATH: folder })).rejects.toThrow("Install nats-server 2.9 or newer");
});

test("without one the system's package is installed", async () => {
  const made = join(folder, "nats-server");
  const install = `[ "$1" = install ] && printf '#!/bin/sh\\n%s\\n' '${natsServer}' >${made} && /bin/chmod +x ${made}; exit 0`;
  program("apt-get", install);
  // Who is not root has sudo instead.
  program("sudo", `shift 3; ${install}`);
  expect(await ensureNatsServer({ PATH: folder })).toBe("nats-server");
});

test("a package that cannot be installed is an error that says what to do", async () => {
  const refuse = 'if [ "$1" = --version ]; then exit 0; fi; echo "E: Unable to locate package"; exit 100';
  program("apt-get", refuse);
  program("sudo", "echo sudo: a password is required; exit 1");
  await expect(ensureNatsServer({ PATH: folder })).rejects.toThrow("Install nats-server 2.9 or newer");
});
