// Real programs that tests run beside ours: rsyslog and nginx as receivers of drains, Prometheus' promtool for the alerts,
// Chromium for the page, journalctl and syslog-ng as senders, zsh and fish for completion.
// They are those that RSYSLOGD, NGINX, PROMTOOL and so on name, else those on PATH or where Debian has them, else the system's
// packages. Nothing of them is started as a service.
import { existsSync, readdirSync } from "node:fs";
import { aptGet, hasAptGet } from "./apt-get.mjs";
import { run } from "./run.mjs";
import { CannotGoOn, say, step } from "./steps.mjs";
import { unpackedSyslogNg, unpackSyslogNg } from "./syslog-ng.mjs";

const isRsyslog = async (program, env) => says("rsyslogd", await run(program, ["-v"], { env }));

const rsyslog = {
  name: "rsyslog",
  variable: "RSYSLOGD",
  programs: ["rsyslogd", "/usr/sbin/rsyslogd"],
  packages: ["rsyslog", "rsyslog-gnutls", "rsyslog-relp"],
  works: async (program, env) => (await isRsyslog(program, env)) && hasModules(),
};

const nginx = {
  name: "nginx",
  variable: "NGINX",
  programs: ["nginx", "/usr/sbin/nginx"],
  packages: ["nginx"],
  works: async (program, env) => says("nginx", await run(program, ["-v"], { env })),
};

const promtool = {
  name: "promtool",
  variable: "PROMTOOL",
  programs: ["promtool", "/usr/bin/promtool"],
  packages: ["prometheus"],
  works: async (program, env) => says("promtool", await run(program, ["--version"], { env })),
};

/** The browser that the page is tested in. Its version starts no browser: as root it would refuse to. */
const chromium = {
  name: "Chromium",
  variable: "CHROMIUM",
  programs: ["chromium", "/usr/bin/chromium"],
  packages: ["chromium", "fonts-dejavu-core"],
  works: async (program, env) => says("Chromium", await run(program, ["--version", "--no-sandbox"], { env })),
};

const journalctl = {
  name: "journalctl",
  variable: "JOURNALCTL",
  programs: ["journalctl", "/usr/bin/journalctl"],
  packages: ["systemd"],
  works: async (program, env) => says("systemd", await run(program, ["--version"], { env })),
};

const syslogNg = {
  name: "syslog-ng",
  variable: "SYSLOG_NG",
  programs: ["syslog-ng", "/usr/sbin/syslog-ng", unpackedSyslogNg],
  packages: ["syslog-ng-core"],
  works: async (program, env) => says("syslog-ng", await run(program, ["--version"], { env })),
  unpack: unpackSyslogNg,
};

const shell = (name) => ({
  name,
  variable: name.toUpperCase(),
  programs: [name, `/usr/bin/${name}`],
  packages: [name],
  works: async (program, env) => says(name, await run(program, ["--version"], { env })),
});

/** Returns the programs as variables of the environment, installed where they were missing. */
export async function ensureReceivers(env = process.env) {
  return {
    RSYSLOGD: await ensure(rsyslog, env),
    NGINX: await ensure(nginx, env),
    PROMTOOL: await ensure(promtool, env),
    CHROMIUM: await ensure(chromium, env),
    JOURNALCTL: await ensure(journalctl, env),
    SYSLOG_NG: await ensure(syslogNg, env),
    ZSH: await ensure(shell("zsh"), env),
    FISH: await ensure(shell("fish"), env),
  };
}

/** As the bench needs it: what an earlier version unpacked may have no module that speaks HTTP. */
const httpSyslogNg = {
  ...syslogNg,
  works: async (program, env) => {
    const { status, output } = await run(program, ["--version"], { env });
    return status === 0 && /^Available-Modules:.*\bhttp\b/m.test(output);
  },
};

/**
 * Returns rsyslog and syslog-ng for the bench, as far as they are here, as variables. Neither is installed, as their packages
 * exclude each other; syslog-ng is unpacked where that can be done.
 */
export async function findRouters(env = process.env) {
  const plainRsyslog = { ...rsyslog, works: isRsyslog };
  const RSYSLOGD = await (env.RSYSLOGD ? ensure(plainRsyslog, env) : find(plainRsyslog, env));
  const SYSLOG_NG = await (env.SYSLOG_NG ? ensure(syslogNg, env) : findOrUnpack(env));
  return { ...(RSYSLOGD && { RSYSLOGD }), ...(SYSLOG_NG && { SYSLOG_NG }) };
}

async function findOrUnpack(env) {
  try {
    return await ensure(httpSyslogNg, env);
  } catch (failure) {
    if (!(failure instanceof CannotGoOn)) throw failure;
    say(`the bench goes on without syslog-ng's HTTP: ${failure.message}`);
    return find(syslogNg, env);
  }
}

async function ensure(wanted, env) {
  const named = env[wanted.variable];
  if (named !== undefined && named !== "") {
    if (await wanted.works(named, env)) return named;
    throw new CannotGoOn(
      `${wanted.variable} is ${named}, which does not run as ${wanted.name}. ${mend(wanted)}`,
    );
  }
  const found = await find(wanted, env);
  if (found !== undefined) return found;
  const doing = wanted.unpack === undefined ? "installing" : "unpacking";
  await step(`${doing} the system's package ${wanted.packages.join(" and ")}`, () => install(wanted, env));
  const installed = await find(wanted, env);
  if (installed !== undefined) return installed;
  throw new CannotGoOn(`apt-get brought ${wanted.name}, but it does not run. ${mend(wanted)}`);
}

async function find(wanted, env) {
  for (const program of wanted.programs) if (await wanted.works(program, env)) return program;
  return undefined;
}

async function install(wanted, env) {
  if (!(await hasAptGet(env))) {
    throw new CannotGoOn(`There is no ${wanted.name}, and no apt-get to install it with. ${mend(wanted)}`);
  }
  const { status, output } = await (wanted.unpack ?? installPackages(wanted))(env);
  if (status !== 0) {
    throw new CannotGoOn(
      `${output}\nThere is no ${wanted.name}, and apt-get could not install it. ${mend(wanted)}`,
    );
  }
}

const installPackages =
  ({ packages }) =>
  async (env) => {
    await aptGet(env, "update"); // old lists may do: the install decides
    return aptGet(env, "install", "-y", "--no-install-recommends", ...packages);
  };

const mend = ({ name, variable, packages, unpack }) => {
  const names = packages.join(" ");
  const how =
    unpack === undefined ? `install ${names}` : `download ${names} and dpkg -x, as it excludes rsyslog`;
  return `Install ${name} (Debian: apt-get ${how}) and put it on PATH or name it in ${variable}.`;
};

const says = (word, { status, output }) => status === 0 && output.includes(word);

// rsyslog speaks TLS and RELP through modules of packages of their own.
const hasModules = () =>
  ["lmnsd_gtls.so", "omrelp.so"].every((module) =>
    ["/usr/lib", "/usr/lib64"].some(
      (folder) =>
        existsSync(`${folder}/rsyslog/${module}`) ||
        (existsSync(folder) &&
          readdirSync(folder).some((triplet) => existsSync(`${folder}/${triplet}/rsyslog/${module}`))),
    ),
  );
