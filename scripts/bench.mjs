// npm run bench: tailrace beside other routers, and the questions of bench/. Arguments pass through (`npm run bench -- --full`).
// npm run bench -- parts [--full]: the questions of bench/ alone.
// npm run bench -- routers [--rounds N] [--lines N] [WORD…]: tailrace beside other routers.
// npm run bench -- attacks [--nats] [--rounds N] [NAME…]: what a victim feels beside each attack.
// npm run bench -- used-memory [--nats] [--seconds N]: is a byte sent of memory that is somebody else's by then?
import { ensureBuilt } from "./lib/build.mjs";
import { ensureNatsServer } from "./lib/nats-server.mjs";
import { ensurePackages } from "./lib/packages.mjs";
import { inRoot } from "./lib/paths.mjs";
import { envWith, pinnedNode } from "./lib/pinned-node.mjs";
import { findRouters } from "./lib/receivers.mjs";
import { run, runInFront } from "./lib/run.mjs";
import { CannotGoOn, command } from "./lib/steps.mjs";

/** Those that are asked by their names alone. */
const questions = {
  attacks: ["bench", "attacks", "main.ts"],
  "used-memory": ["test", "attacks", "used-memory", "main.ts"],
};

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
  const isTable = !Object.hasOwn(questions, args[0]);
  const programs = {
    ...((isTable || args.includes("--nats")) && { NATS_SERVER: await ensureNatsServer() }),
    ...(isTable && (await findRouters())),
  };
  const file = isTable ? ["bench", "main.ts"] : questions[args[0]];
  return runInFront(node, [inRoot(...file), ...args], { env: envWith(node, programs) });
});
