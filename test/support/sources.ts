/** What the repository's own rules look at: its files, and who imports whom. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

export type SourceFile = {
  /** From the root, with slashes: `src/core/wire/frame.ts`. */
  readonly path: string;
  readonly text: string;
  /** Files of the repository that it imports, types included. */
  readonly files: readonly string[];
  /** Those of them that are loaded when it is. */
  readonly loaded: readonly string[];
  /** Each thing that it imports from them, after the path of its file: `src/core/ids.ts newKey`, or `*` for all things. */
  readonly things: readonly string[];
  /** Packages that it imports, by name; Node's own modules are not among them. */
  readonly packages: readonly string[];
};

/** The TypeScript and JavaScript files under `folder`, by path. */
export function sourcesIn(folder: string): SourceFile[] {
  return filesIn(folder)
    .filter((path) => /\.(tsx?|mjs)$/.test(path))
    .map(readSource);
}

/** Every file under `folder` that is neither installed nor built. */
export function filesIn(folder: string): string[] {
  const top = join(root, folder);
  if (!statSync(top, { throwIfNoEntry: false })?.isDirectory()) return [];
  return readdirSync(top, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes(`${sep}node_modules`))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort();
}

/** The files that a commit would hold: tracked ones and new ones that nothing ignores. */
export function trackedFiles(): string[] {
  const list = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
  });
  return [...new Set(list.split("\0"))].filter((path) => path !== "" && isThere(path)).sort();
}

export const readText = (path: string): string => readFileSync(join(root, path), "utf8");

/** False for a file that was removed and whose removal is not committed yet. */
export const isThere = (path: string): boolean =>
  statSync(join(root, path), { throwIfNoEntry: false })?.isFile() ?? false;

const importPattern =
  /^\s*(?:import|export)\b[^;"'`]*?\bfrom\s*["']([^"']+)["']|^\s*import\s*["']([^"']+)["']/gm;
const dynamicImportPattern = /\b(?:import|require|import\.meta\.resolve)\(\s*["']([^"']+)["']/g;

function readSource(path: string): SourceFile {
  const text = readText(path);
  const found = [...text.matchAll(importPattern), ...text.matchAll(dynamicImportPattern)].map((match) => ({
    name: (match[1] ?? match[2])!,
    isType: /^\s*(?:import|export)\s+type\b/.test(match[0]),
    things: /\{([^}]*)\}/.exec(match[0])?.[1]?.split(",").map(importedName) ?? ["*"],
  }));
  const names = found.map(({ name }) => name);
  const here = dirname(join(root, path));
  const isRelative = (name: string) => name.startsWith(".");
  const pathOf = (name: string) => relative(root, resolve(here, name));
  return {
    path,
    text,
    files: names.filter(isRelative).map(pathOf),
    loaded: found.filter(({ name, isType }) => isRelative(name) && !isType).map(({ name }) => pathOf(name)),
    things: found
      .filter(({ name }) => isRelative(name))
      .flatMap(({ name, things }) => things.map((thing) => `${pathOf(name)} ${thing}`)),
    packages: names.filter((name) => !/^(\.|node:)/.test(name)).map(packageOf),
  };
}

/** `type Line as StoredLine` → `Line`. */
const importedName = (specifier: string): string => specifier.trim().replace(/^type\s+|\s+as\s.*$/g, "");

/** `@scope/name/deep/path` → `@scope/name`. */
const packageOf = (name: string): string =>
  name
    .split("/")
    .slice(0, name.startsWith("@") ? 2 : 1)
    .join("/");
