import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
// @ts-expect-error: the scripts are plain JavaScript, so that they run where nothing is installed
import { ensureReceivers, findRouters } from "../../scripts/lib/receivers.mjs";

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

/** Programs that say what the real ones say. */
const programs = () => ({
  RSYSLOGD: program("my-rsyslogd", 'echo "rsyslogd  8.2302.0"'),
  NGINX: program("my-nginx", 'echo "nginx version: nginx/1.22.1" >&2'),
  PROMTOOL: program("my-promtool", 'echo "promtool, version 2.42.0"'),
  CHROMIUM: program("my-chromium", 'echo "Chromium 156.0.1"'),
  JOURNALCTL: program("my-journalctl", 'echo "systemd 252 (252.39-1)"'),
  SYSLOG_NG: program("my-syslog-ng", 'echo "syslog-ng 3 (3.38.1)"'),
  ZSH: program("my-zsh", 'echo "zsh 5.9 (x86_64-debian-linux-gnu)"'),
  FISH: program("my-fish", 'echo "fish, version 3.6.0"'),
});

test("programs that are named are taken", async () => {
  const named = programs();
  expect(await ensureReceivers({ PATH: folder, ...named })).toEqual(named);
});

test("a name that is no such program is an error, not a reason to take another", async () => {
  const other = program("other", "echo something else");
  await expect(ensureReceivers({ PATH: folder, RSYSLOGD: other })).rejects.toThrow(
    "does not run as rsyslog. Install rsyslog (Debian: apt-get install rsyslog rsyslog-gnutls rsyslog-relp)",
  );
});

test("syslog-ng's mend is to unpack it, as its package excludes rsyslog's", async () => {
  const named = { ...programs(), SYSLOG_NG: program("other", "echo something else") };
  await expect(ensureReceivers({ PATH: folder, ...named })).rejects.toThrow(
    "Install syslog-ng (Debian: apt-get download syslog-ng-core and dpkg -x, as it excludes rsyslog)",
  );
});

test("the bench takes the routers that are named, and a wrong name is an error there as well", async () => {
  const { RSYSLOGD, SYSLOG_NG } = programs();
  expect(await findRouters({ PATH: folder, RSYSLOGD, SYSLOG_NG })).toEqual({ RSYSLOGD, SYSLOG_NG });
  const other = program("other", "echo something else");
  await expect(findRouters({ PATH: folder, RSYSLOGD, SYSLOG_NG: other })).rejects.toThrow(
    "does not run as syslog-ng",
  );
});

test("the bench finds them on PATH, and is content without modules for TLS", async () => {
  const { RSYSLOGD } = programs();
  const SYSLOG_NG = program(
    "my-syslog-ng",
    'echo "syslog-ng 3 (3.38.1)"; echo "Available-Modules: affile,http,cef"',
  );
  for (const [name, path] of [
    ["rsyslogd", RSYSLOGD],
    ["syslog-ng", SYSLOG_NG],
  ] as const)
    program(name, `exec "${path}"`);
  const PATH = `${folder}:${process.env.PATH}`;
  expect(await findRouters({ PATH })).toEqual({ RSYSLOGD: "rsyslogd", SYSLOG_NG: "syslog-ng" });
});
