import { ensureBuilt } from "./lib/build.mjs";
import { ensurePackages } from "./lib/packages.mjs";
import { command } from "./lib/steps.mjs";

await command(async () => {
  await ensurePackages();
  await ensureBuilt();
  return 0;
});
