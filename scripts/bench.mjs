// npm run bench: the questions of bench/, in one table. Arguments pass through (`npm run bench -- --full`).
// npm run bench -- routers [--rounds N] [--lines N] [WORD…]: tailrace beside other routers.
// npm run bench -- attacks [--nats] [NAME…]: what a victim feels beside each attack.
import { ensureBuilt } from "./lib/build.mjs";
import { ensureNatsServer } from "./lib/nats-server.mjs";
import { ensurePackages } from "./lib/packages.mjs";
import { inRoot } from "./lib/paths.mjs";
import { envWith, pinnedNode } from "./lib/pinned-node.mjs";
import { run, runInFront } from "./lib/run.mjs";
import { CannotGoOn, command } from "./lib/steps.mjs";

await command(async (args) => {
  await ensurePackages();
  await ensureBuilt();
  const node = await pinnedNode();
  // The bench is TypeScript that is never built: Node itself strips the types.
  const { output } = await run(node, ["-p", "process.features.typescript ?? false"]);
  if (output.trim() !== "strip") {
    throw new CannotGoOn(
      "npm run bench needs a Node that runs TypeScript (22.18 or newer). Install Node 24.",
    );
  }
  const needsNats = args[0] !== "attacks" || args.includes("--nats");
  const programs = needsNats ? { NATS_SERVER: await ensureNatsServer() } : {};
  const question = args[0] === "attacks" ? ["attacks", "main.ts"] : ["main.ts"];
  return runInFront(node, [inRoot("bench", ...question), ...args], { env: envWith(node, programs) });
});
