/**
 * All commands, in the order of the help. Only the requested command is loaded, so that it starts quickly; help, and an
 * unknown command name, load them all.
 */
import type { Command } from "commander";
import type { Context } from "../context.ts";

type Register = (program: Command, context: Context) => void;

/** A module has the command `name`, those that begin with it and a colon, and those in `also`. */
type Module = {
  readonly group: string;
  readonly name: string;
  readonly also?: readonly string[];
  readonly load: () => Promise<Register>;
};

const modules: readonly Module[] = [
  { group: "Logs:", name: "logs", load: async () => (await import("./logs.ts")).registerLogs },
  { group: "Logs:", name: "ship", load: async () => (await import("./ship.ts")).registerShip },
  { group: "Logs:", name: "run", load: async () => (await import("./run.ts")).registerRun },
  { group: "Apps:", name: "apps", load: async () => (await import("./apps.ts")).registerApps },
  { group: "Apps:", name: "tokens", load: async () => (await import("./tokens.ts")).registerTokens },
  { group: "Apps:", name: "drains", load: async () => (await import("./drains.ts")).registerDrains },
  { group: "Apps:", name: "addons", load: async () => (await import("./addons.ts")).registerAddons },
  { group: "Apps:", name: "import", load: async () => (await import("./import.ts")).registerImport },
  { group: "Dynos:", name: "up", load: async () => (await import("./up.ts")).registerUp },
  {
    group: "Dynos:",
    name: "ps",
    also: ["scale", "restart", "stop"],
    load: async () => (await import("./ps.ts")).registerPs,
  },
  { group: "Dynos:", name: "config", load: async () => (await import("./config.ts")).registerConfig },
  { group: "Server:", name: "serve", load: async () => (await import("./serve.ts")).registerServe },
  { group: "Server:", name: "doctor", load: async () => (await import("./doctor.ts")).registerDoctor },
  { group: "Server:", name: "sources", load: async () => (await import("./sources.ts")).registerSources },
  { group: "Server:", name: "keys", load: async () => (await import("./keys.ts")).registerKeys },
  {
    group: "Shell:",
    name: "completion",
    load: async () => (await import("./completion.ts")).registerCompletion,
  },
];

/** `asked`: the first word of the command line. */
export async function registerCommands(program: Command, context: Context, asked = ""): Promise<void> {
  const topic = asked.split(":")[0]!;
  const one = modules.filter(({ name, also = [] }) => [name, ...also].includes(topic));
  const wanted = one.length > 0 ? one : modules;
  const registers = await Promise.all(wanted.map(({ load }) => load()));
  for (const [at, { group }] of wanted.entries()) {
    program.commandsGroup(group);
    registers[at]!(program, context);
  }
}
