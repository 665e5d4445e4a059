// npm run bench: tailrace beside other routers, what it does under attack, and the questions of bench/. `npm run bench -- --help`.
import { ensureBuilt } from "./lib/build.mjs";
import { ensureNatsServer } from "./lib/nats-server.mjs";
import { ensurePackages } from "./lib/packages.mjs";
import { inRoot } from "./lib/paths.mjs";
import { envWith, pinnedNode } from "./lib/pinned-node.mjs";
import { findRouters } from "./lib/receivers.mjs";
import { run, runInFront } from "./lib/run.mjs";
import { CannotGoOn, command } from "./lib/steps.mjs";

await command(async (args) => {
  await ensurePackages();
  const { benchCommand } = await import("./lib/bench-command.mjs");
  const natsIf = async ({ nats }) => (nats ? { NATS_SERVER: await ensureNatsServer() } : {});
  let status;
  await benchCommand({
    table: async () => {
      const programs = { NATS_SERVER: await ensureNatsServer(), ...(await findRouters()) };
      status = await runBench(["bench", "main.ts"], args, programs);
    },
    attacks: async (options) => {
      status = await runBench(["bench", "attacks", "main.ts"], args, await natsIf(options));
    },
    usedMemory: async (options) => {
      status = await runBench(["test", "attacks", "used-memory", "main.ts"], args, await natsIf(options));
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
