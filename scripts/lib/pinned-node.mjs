import { existsSync } from "node:fs";
import { inRoot } from "./paths.mjs";
import { run } from "./run.mjs";

/** The Node of npm's package `node` where it was installed and runs on this machine, else the one that runs this. */
export async function pinnedNode() {
  const path = inRoot("node_modules", "node", "bin", process.platform === "win32" ? "node.exe" : "node");
  if (path === process.execPath || !existsSync(path)) return process.execPath;
  const { status } = await run(path, ["--version"]);
  return status === 0 ? path : process.execPath;
}

/** The environment in which `node` is that Node and the packages' commands are found, as in npm's own scripts. */
export function envWith(node, extra = {}) {
  const separator = process.platform === "win32" ? ";" : ":";
  const path = [inRoot("node_modules", ".bin"), process.env.PATH].join(separator);
  return { ...process.env, ...extra, PATH: path, npm_node_execpath: node };
}
