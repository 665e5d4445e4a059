// The npm packages of the checkout: installed when missing or other than package-lock.json says.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { inRoot } from "./paths.mjs";
import { run } from "./run.mjs";
import { CannotGoOn, say, step } from "./steps.mjs";

const nodeOldest = [20, 18];

/** Installs what package-lock.json says into node_modules. */
export async function ensurePackages() {
  refuseOldNode();
  const wanted = readLock(inRoot("package-lock.json"));
  if (wanted === undefined)
    throw new CannotGoOn("package-lock.json is missing: this is no checkout of tailrace.");
  if (isInstalled(wanted, readLock(inRoot("node_modules", ".package-lock.json")))) return;
  const count = Object.keys(wanted).length - 1;
  const leftOut = await step(`installing up to ${count} packages with npm ci`, install);
  if (leftOut !== undefined) say(`left out the packages' install scripts, which failed:\n${leftOut}`);
  await proveStore();
}

/** Heroku's own command line for the tests, in a folder of its own: nobody who only runs tailrace needs it. */
export async function ensureHeroku() {
  const folder = inRoot("test", "heroku");
  const installed = readLock(join(folder, "node_modules", ".package-lock.json"));
  if (isInstalled(readLock(join(folder, "package-lock.json")), installed)) return;
  await step("installing Heroku's command line for the tests", async () => {
    const { status, output } = await npm("ci", "--ignore-scripts", "--prefix", folder);
    if (status === 0) return;
    throw new CannotGoOn(
      `${output}\nnpm could not install the package heroku. Check the network and run this again.`,
    );
  });
}

/** True when every package of the lock file is installed. Optional packages of other platforms may be missing. */
export function isInstalled(wanted, installed) {
  if (installed === undefined) return false;
  return Object.entries(wanted).every(([path, { version, optional }]) => {
    if (path === "") return true;
    const present = installed[path];
    return present === undefined ? optional === true : present.version === version;
  });
}

/** The packages of a lock file; npm keeps one of what it installed inside node_modules. */
function readLock(path) {
  return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")).packages : undefined;
}

/** Installs. Where this works only without install scripts, returns what npm said of them. */
async function install() {
  const first = await npm("ci", "--include=dev");
  if (first.status === 0) return undefined;
  // The pinned Node comes by an install script, and a network that has the packages may lack what a script fetches.
  const second = await npm("ci", "--include=dev", "--ignore-scripts");
  if (second.status === 0) return first.output.split("\n").slice(0, 6).join("\n");
  throw new CannotGoOn(
    `${second.output}\nnpm could not install the packages. ` +
      (second.status === 127
        ? "Install npm (it comes with Node from nodejs.org; Debian: apt-get install npm) and run this again."
        : "Check the network and npm's registry setting (npm config get registry) and run this again."),
  );
}

/** The npm that started this, else the one on PATH. Its warnings about the user's own settings help nobody here. */
function npm(...args) {
  const quiet = [...args, "--loglevel=error", "--no-audit", "--no-fund"];
  const script = process.env.npm_execpath ?? "";
  if (!script.endsWith("npm-cli.js")) return run("npm", quiet);
  return run(process.env.npm_node_execpath ?? process.execPath, [script, ...quiet]);
}

/** lmdb is the one package with machine code that tailrace cannot do without. */
async function proveStore() {
  const { status, output } = await run(process.execPath, ["-e", 'require("lmdb")']);
  if (status === 0) return;
  throw new CannotGoOn(
    `${output}\nThe package lmdb has no ready-made binary for ${process.platform} ${process.arch}. ` +
      "Install a C++ compiler, make and Python 3 (Debian: apt-get install build-essential python3), " +
      "then run: npm rebuild lmdb",
  );
}

function refuseOldNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > nodeOldest[0] || (major === nodeOldest[0] && minor >= nodeOldest[1])) return;
  throw new CannotGoOn(
    `tailrace needs Node ${nodeOldest.join(".")} or newer; this is ${process.version}. Install Node 24 from nodejs.org.`,
  );
}
