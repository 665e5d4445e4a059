// Debian's packages: installed, or unpacked where one excludes another that is wanted as well.
import { run } from "./run.mjs";

/** True where there is an apt-get. */
export const hasAptGet = async (env) => (await run("apt-get", ["--version"], { env })).status === 0;

/** Runs apt-get as root, through sudo where needed. */
export function aptGet(env, ...args) {
  // Run level 1 keeps Debian from starting what it installs; sudo -n fails at once where it would have to ask.
  return process.getuid?.() === 0
    ? run("apt-get", args, { env: { ...env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" } })
    : run("sudo", ["-n", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1", "apt-get", ...args], { env });
}
