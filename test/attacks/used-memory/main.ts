/** `npm run bench -- used-memory [--nats] [--seconds N]`: the torture of memory that is used again, for as long as one likes. */
import { Torture } from "./torture.ts";

const { argv } = process;
const seconds = Number(argv[argv.indexOf("--seconds") + 1] ?? 0) || 60;
const torture = await Torture.open(argv.includes("--nats") ? "NATS" : "the embedded store");
const endMs = performance.now() + seconds * 1000;
const flaws = await torture.run(() => performance.now() >= endMs);
console.log(`${torture.lines} lines were received`);
for (const flaw of flaws) console.log(flaw);
await torture.close();
process.exit(flaws.length > 0 ? 1 : 0);
