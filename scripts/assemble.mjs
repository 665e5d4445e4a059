/**
 * `npm run assemble`: makes WebAssembly of `assembly/`, and writes it to `src/core/batch/assembled-code.ts`, which is tracked: so
 * neither tests nor an installation need the compiler. `test/core/batch/assembled-code.test.ts` compares the two.
 */
import { writeFileSync } from "node:fs";
import { assembled } from "./lib/assembly.mjs";

writeFileSync(new URL("../src/core/batch/assembled-code.ts", import.meta.url), await assembled());
