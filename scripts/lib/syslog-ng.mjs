// syslog-ng for the tests: unpacked beside rsyslog, as Debian's packages of the two exclude each other. It stays
// in node_modules/.cache for the next run.
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { aptGet } from "./apt-get.mjs";
import { inRoot } from "./paths.mjs";
import { run } from "./run.mjs";

/** The module http, by which the bench sends, is of a package of its own. */
const packages = ["syslog-ng-core", "syslog-ng-mod-http"];

const cached = inRoot("node_modules", ".cache", "tailrace", "syslog-ng");

/** The script that starts what was unpacked. */
export const unpackedSyslogNg = join(cached, "syslog-ng");

/** Unpacks syslog-ng with those libraries that are not installed; nothing but the folder changes. Returns how apt-get or dpkg ended. */
export async function unpackSyslogNg(env, folder = cached) {
  await aptGet(env, "update"); // old lists may do: the download decides
  const plan = ["install", "--simulate", "--no-install-recommends", ...packages];
  const simulated = await run("apt-get", plan, { env });
  if (simulated.status !== 0) return simulated;
  const names = [...simulated.output.matchAll(/^Inst (\S+)/gm)].map(([, name]) => name);
  const wanted = [...new Set([...packages, ...names])];
  const part = `${folder}-${process.pid}`;
  mkdirSync(part, { recursive: true });
  try {
    const downloaded = await run("apt-get", ["download", ...wanted], { env, cwd: part });
    if (downloaded.status !== 0) return downloaded;
    for (const file of readdirSync(part).filter((name) => name.endsWith(".deb"))) {
      const unpacked = await run("dpkg", ["-x", join(part, file), join(part, "root")], { env });
      if (unpacked.status !== 0) return unpacked;
      rmSync(join(part, file));
    }
    writeFileSync(join(part, "syslog-ng"), starter(join(part, "root")));
    chmodSync(join(part, "syslog-ng"), 0o755);
    rmSync(folder, { recursive: true, force: true });
    renameSync(part, folder); // in one move: an unpacking that is interrupted leaves none that looks whole
    return downloaded;
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
}

/** The script that starts it with the libraries and modules beside it, wherever the checkout is. */
function starter(root) {
  const children = (path) => (existsSync(join(root, path)) ? readdirSync(join(root, path)) : []);
  const triplets = ["lib", "usr/lib"].flatMap((path) =>
    children(path)
      .filter((name) => name.includes("-linux-"))
      .map((name) => `${path}/${name}`),
  );
  const homes = ["usr/lib", ...triplets].map((path) => `${path}/syslog-ng`);
  const modules = homes.flatMap((home) =>
    children(home)
      .filter((name) => /^\d+\.\d+$/.test(name))
      .map((version) => `${home}/${version}`),
  );
  const paths = (of) => of.map((path) => `$root/${path}`).join(":");
  return `#!/bin/sh
root=$(dirname "$0")/root
export LD_LIBRARY_PATH="${paths([...triplets, ...homes])}"
exec "$root/usr/sbin/syslog-ng" --module-path="${paths(modules)}" "$@"
`;
}
