/**
 * The beginning of each background thread: it lowers its priority before it loads anything, since compiling its modules
 * may take longer than its work. Only Linux has priorities for threads; elsewhere this would change the process's.
 */
import { getPriority, setPriority } from "node:os";

/** The arguments of the thread: its script's URL, and its `nice` value, 0 to 19. */
export type BackgroundArgs = readonly [script: string, nice: string];

const [script, nice] = process.argv.slice(2) as unknown as BackgroundArgs;
// Threads of a server that gives way even more stay as they are: without rights, nobody may raise a priority.
if (process.platform === "linux" && getPriority(0) < Number(nice)) setPriority(0, Number(nice));
await import(script);
