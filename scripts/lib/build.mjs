// src/, cli/ and the page in web/ → dist/, when dist is not what the sources say.
import { createHash } from "node:crypto";
import {
  chmodSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { inRoot } from "./paths.mjs";
import { run } from "./run.mjs";
import { CannotGoOn, step } from "./steps.mjs";

const sources = ["src", "cli"];
const page = "web";
const settings = ["tsconfig.json", "tsconfig.build.json", "package.json", "package-lock.json"];
const stamp = inRoot("dist", ".sources");

/** Builds, unless dist was built from exactly these sources. */
export async function ensureBuilt() {
  const now = sourcesHash();
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === now) return;
  await step("building", () => build(now));
}

/** Compiles into a folder beside dist and swaps the two at the end, so that a server that starts meanwhile never finds half a build. */
async function build(hash) {
  const fresh = inRoot(`dist.${process.pid}.new`);
  const old = inRoot(`dist.${process.pid}.old`);
  try {
    const tsc = inRoot("node_modules", "typescript", "bin", "tsc");
    const { status, output } = await run(process.execPath, [
      tsc,
      "-p",
      "tsconfig.build.json",
      "--outDir",
      fresh,
    ]);
    if (status !== 0) throw new CannotGoOn(`${output}\nThe sources do not compile.`);
    await buildPage(join(fresh, page));
    for (const folder of sources) {
      if (existsSync(inRoot(folder)))
        cpSync(inRoot(folder), join(fresh, folder), { recursive: true, filter: isAsset });
    }
    const binary = join(fresh, "cli", "main.js");
    if (existsSync(binary)) chmodSync(binary, 0o755);
    writeFileSync(join(fresh, ".sources"), hash);
    if (existsSync(inRoot("dist"))) renameSync(inRoot("dist"), old);
    renameSync(fresh, inRoot("dist"));
  } finally {
    for (const folder of [fresh, old]) rmSync(folder, { recursive: true, force: true });
  }
}

/** What browsers load: vite makes one script, one style and one document of web/. */
async function buildPage(folder) {
  const vite = inRoot("node_modules", "vite", "bin", "vite.js");
  const options = ["build", inRoot(page), "--outDir", folder, "--logLevel", "warn"];
  const { status, output } = await run(process.execPath, [vite, ...options]);
  if (status !== 0) throw new CannotGoOn(`${output}\nThe page cannot be built.`);
}

/** Folders, and the files that are served or read as they are. */
const isAsset = (path) => !path.endsWith(".ts");

/** Compares contents, not times: checking out another branch and coming back needs no build. */
function sourcesHash() {
  const hash = createHash("sha256");
  for (const path of [...settings, ...[...sources, page].flatMap(filesUnder)]) {
    hash
      .update(path)
      .update("\0")
      .update(readFileSync(inRoot(path)))
      .update("\0");
  }
  return hash.digest("hex");
}

function filesUnder(folder) {
  if (!existsSync(inRoot(folder))) return [];
  return readdirSync(inRoot(folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(inRoot().length))
    .sort();
}
