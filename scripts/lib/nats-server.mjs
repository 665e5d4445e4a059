// The nats-server that tests of the distributed engine run: NATS_SERVER, else the one on PATH, else the system's package.
import { aptGet, hasAptGet } from "./apt-get.mjs";
import { run } from "./run.mjs";
import { CannotGoOn, step } from "./steps.mjs";

/** Returns a nats-server that runs; installs the system's package when there is none. */
export async function ensureNatsServer(env = process.env) {
  const named = env.NATS_SERVER;
  if (named !== undefined && named !== "") {
    if (await works(named, env)) return named;
    throw new CannotGoOn(
      `NATS_SERVER is ${named}, which does not run as a nats-server. Name one that does, or unset it.`,
    );
  }
  if (await works("nats-server", env)) return "nats-server";
  await step("installing the system's package nats-server", () => installPackage(env));
  if (await works("nats-server", env)) return "nats-server";
  throw new CannotGoOn(`apt-get installed nats-server, but it is not on PATH. ${mend}`);
}

const mend =
  "Install nats-server 2.9 or newer (Debian: apt-get install nats-server; else github.com/nats-io/nats-server/releases) " +
  "and put it on PATH or name it in NATS_SERVER.";

async function works(program, env) {
  const { status, output } = await run(program, ["--version"], { env });
  return status === 0 && output.includes("nats-server");
}

async function installPackage(env) {
  if (!(await hasAptGet(env))) {
    throw new CannotGoOn(`There is no nats-server, and no apt-get to install it with. ${mend}`);
  }
  await aptGet(env, "update"); // old lists may do: the install decides
  const { status, output } = await aptGet(env, "install", "-y", "--no-install-recommends", "nats-server");
  if (status !== 0)
    throw new CannotGoOn(`${output}\nThere is no nats-server, and apt-get could not install it. ${mend}`);
}
