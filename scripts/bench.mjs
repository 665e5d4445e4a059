// npm run bench: tailrace beside other routers, what it does under attack, and the questions of bench/. `npm run bench -- --help`.
import { ensureBuilt } from "./lib/build.mjs";
import { ensureNatsServer } from "./lib/nats-server.mjs";
import { ensurePackages } from "./lib/packages.mjs";
import { inRoot } from "./lib/paths.mjs";
import { envWith, pinnedNode } from "./lib/pinned-node.mjs";
import { findRouters } from "./lib/receivers.mjs";
import { run, runInFront } from "./lib/run.mjs";
import { CannotGoOn, command } from "./lib/steps.mjs";

const mainFile = ["bench", "main.ts"];

await command(async (args) => {
  await ensurePackages();
  const { benchCommand } = await import("./lib/bench-command.mjs");
  let status;
  await benchCommand({
    table: async () => {
      const programs = { NATS_SERVER: await ensureNatsServer(), ...(await findRouters()) };
      status = await runBench(mainFile, args, programs);
    },
    attacks: async ({ nats }) => {
      const programs = nats ? { NATS_SERVER: await ensureNatsServer() } : {};
      status = await runBench(["bench", "attacks", "main.ts"], args, programs);
    },
    usedMemory: async ({ nats }) => {
      const programs = nats ? { NATS_SERVER: await ensureNatsServer() } : {};
      status = await runBench(["test", "attacks", "used-memory", "main.ts"], args, programs);
    },
  }).parseAsync(args, { from: "user" });
  return status;
});

async function runBench(file, args, programs) {
  await ensureBuilt();
  const node = await pinnedNode();
  // The bench is TypeScript that is never built: Node itself strips the types.
  const { output } = await run(node, ["-p", "process.features.typescript ?? false"]);
  if (output.trim() !== "strip") {
    throw new CannotGoOn(
      "npm run bench needs a Node that runs TypeScript (22.18 or newer). Install Node 24.",
    );
  }
  return runInFront(node, [inRoot(...file), ...args], { env: envWith(node, programs) });
}
