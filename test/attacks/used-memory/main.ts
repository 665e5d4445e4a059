/**
 * `npm run bench -- used-memory [--nats] [--seconds N]`: the torture of memory that is used again, for as long as one likes. In
 * rounds, each with a server of its own: what waits for drains that fail has to arrive, and grows with the time.
 */
import { Torture } from "./torture.ts";

const { argv } = process;
const roundMs = 8_000;
const seconds = Number(argv[argv.indexOf("--seconds") + 1] ?? 0) || 60;
const overMs = performance.now() + seconds * 1000;
let flaws: readonly string[] = [];
while (performance.now() < overMs && flaws.length === 0) {
  const torture = await Torture.open(argv.includes("--nats") ? "NATS" : "the embedded store");
  const endMs = performance.now() + roundMs;
  flaws = await torture.run(() => performance.now() >= endMs);
  console.log(`${torture.lines} lines were received`);
  for (const flaw of flaws) console.log(flaw);
  await torture.close();
}
process.exit(flaws.length > 0 ? 1 : 0);
