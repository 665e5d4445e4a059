// npm start: from a bare checkout to a server that listens. `npm start -- --http …` passes options on.
import { ensureBuilt } from "./lib/build.mjs";
import { ensurePackages } from "./lib/packages.mjs";
import { inRoot } from "./lib/paths.mjs";
import { envWith, pinnedNode } from "./lib/pinned-node.mjs";
import { runInFront } from "./lib/run.mjs";
import { command, say } from "./lib/steps.mjs";

await command(async (args) => {
  await ensurePackages();
  await ensureBuilt();
  const node = await pinnedNode();
  say(`the command, for another terminal: alias tailrace="${inRoot("dist", "cli", "main.js")}"`);
  const env = envWith(node, { NODE_COMPILE_CACHE: inRoot("node_modules", ".cache", "node") });
  return runInFront(node, [inRoot("dist", "cli", "main.js"), "serve", "--dev", ...args], { env });
});
