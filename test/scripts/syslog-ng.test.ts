import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
// @ts-expect-error: the scripts are plain JavaScript, so that they run where nothing is installed
import { unpackSyslogNg } from "../../scripts/lib/syslog-ng.mjs";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tailrace-path-"));
  program("sudo", "exit 1"); // its lists cannot be brought up to date
  program("dpkg", dpkg);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** It unpacks a syslog-ng that says what it was started with. */
const dpkg = `mkdir -p "$3/usr/sbin" "$3/usr/lib/syslog-ng/3.38" "$3/usr/lib/some-linux-gnu"
printf '#!/bin/sh\\necho "$LD_LIBRARY_PATH" "$@"\\n' > "$3/usr/sbin/syslog-ng"
chmod 755 "$3/usr/sbin/syslog-ng"`;

function program(name: string, script: string): void {
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, name), 0o755);
}

const aptGet = (download: string) =>
  program(
    "apt-get",
    `case $1 in
install) echo "Remv rsyslog [8]"; echo "Inst libnet1 (1.1)"; echo "Inst syslog-ng-core (3.38)"; echo "Conf libnet1 (1.1)" ;;
download) ${download} ;;
esac`,
  );
const unpack = () =>
  unpackSyslogNg({ ...process.env, PATH: `${folder}:${process.env.PATH}` }, join(folder, "cache"));

test("what apt-get would install is downloaded and unpacked, with a script that starts it", async () => {
  aptGet('shift; for name in "$@"; do echo > "$name.deb"; done; echo got "$@"');
  expect(await unpack()).toEqual({ status: 0, output: "got syslog-ng-core syslog-ng-mod-http libnet1\n" });
  const root = join(folder, "cache", "root");
  const { stdout } = spawnSync(join(folder, "cache", "syslog-ng"), ["--version"], { encoding: "utf8" });
  expect(stdout).toBe(
    `${root}/usr/lib/some-linux-gnu:${root}/usr/lib/syslog-ng:${root}/usr/lib/some-linux-gnu/syslog-ng --module-path=${root}/usr/lib/syslog-ng/3.38 --version\n`,
  );
  expect(readdirSync(join(folder, "cache")).sort()).toEqual(["root", "syslog-ng"]);
});

test("a download that fails is told, and leaves nothing", async () => {
  aptGet("echo no network; exit 100");
  expect(await unpack()).toEqual({ status: 100, output: "no network\n" });
  expect(existsSync(join(folder, "cache"))).toBe(false);
  expect(readdirSync(folder).sort()).toEqual(["apt-get", "dpkg", "sudo"]);
});
