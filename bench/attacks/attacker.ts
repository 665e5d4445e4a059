/** The attacker's process: `attacker.ts NAME TARGET`. Prepares, waits for `go`, attacks until `stop`, prints the answers it got. */
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Target } from "./attack.ts";
import { attacks } from "./attacks.ts";

const [, , name = "", target = "{}"] = process.argv;
const attack = attacks[name];
if (attack === undefined) throw new Error(`no attack is named ${name}`);
const at = JSON.parse(target) as Target;
const lines = createInterface({ input: process.stdin });
const called = new AbortController();

await attack.prepare?.(at);
console.log("prepared");
await once(lines, "line");
lines.once("line", () => called.abort());
const answers = await attack.run(at, called.signal);
console.log(JSON.stringify(answers));
process.exit(0);
