/**
 * Runs commands of Heroku's own command line one after another in this process, where each takes milliseconds, and prints what
 * became of them as JSON. A program of its own: `node heroku-walk.ts < [["apps"],["ps","-a","shop"]]`. No other host than
 * this machine can be reached; those that were asked for are told.
 */
import dns from "node:dns";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";

export type Walked = {
  readonly argv: readonly string[];
  /** True when the command ended without a failure. */
  readonly isDone: boolean;
  /** Both outputs, blanks joined. */
  readonly said: string;
  readonly hosts: readonly string[];
};

const root = new URL("../heroku/node_modules/heroku/", import.meta.url);
const commandMsMax = 20_000;
const hosts: string[] = [];

const lookup = dns.lookup as (...all: unknown[]) => unknown;
const guarded = (host: string, ...rest: unknown[]) => {
  if (host === "127.0.0.1" || host === "localhost") return lookup(host, ...rest);
  hosts.push(host);
  const done = rest.at(-1) as (error: Error) => void;
  const refused = Object.assign(new Error(`${host} is not this machine`), { code: "EACCES" });
  return process.nextTick(() => done(refused));
};
dns.lookup = guarded as unknown as typeof dns.lookup;

const { Config, run } = await import(new URL("../@oclif/core/lib/index.js", root).href);
const config = await Config.load({ root: root.pathname });
let said = "";
const printed = process.stdout.write.bind(process.stdout);
const caught = (chunk: unknown, ...rest: unknown[]): boolean => {
  said += String(chunk);
  const done = rest.find((one) => typeof one === "function") as (() => void) | undefined;
  done?.();
  return true;
};
process.stdout.write = caught as typeof process.stdout.write;
process.stderr.write = caught as typeof process.stderr.write;
process.exit = ((status?: number) => {
  throw new Error(`exit ${status}`);
}) as typeof process.exit;
process.on("unhandledRejection", (error) => (said += String(error)));
process.on("uncaughtException", (error) => (said += String(error)));

const walked: Walked[] = [];
for (const argv of JSON.parse(await text(process.stdin)) as string[][]) {
  said = "";
  hosts.length = 0;
  process.argv.length = 2;
  process.argv.push(...argv);
  const ending = run(argv, config).then(
    () => true,
    (error: unknown) => {
      said += `\nError: ${error instanceof Error ? error.message : String(error)}`;
      return String(error).includes("exit 0");
    },
  );
  const over = new AbortController();
  const late = sleep(commandMsMax, "late" as const, { signal: over.signal }).catch(() => "over" as const);
  const ended: boolean | string = await Promise.race([ending, late]);
  over.abort();
  if (ended === "late") said += "\nit does not end";
  const isDone = ended === true;
  walked.push({ argv, isDone, said: said.replace(/[\s›]+/g, " ").trim(), hosts: [...new Set(hosts)] });
}
process.stdout.write = printed;
printed(JSON.stringify(walked), () => process.kill(process.pid, "SIGKILL")); // nothing of the commands' goes on
