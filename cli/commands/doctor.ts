/** `tailrace doctor` examines the machine for a server with the same settings as `serve`. */
import type { Command } from "commander";
import { type Config, serveOptions } from "../../src/config.ts";
import type { Finding } from "../../src/doctor/finding.ts";
import { type Context, jsonOption } from "../context.ts";
import { checkedConfig } from "./serve.ts";

const marks = { well: "ok", warning: "warn", ill: "BAD", unknown: "?" } as const;
const colours = { well: 32, warning: 33, ill: 31, unknown: 36 } as const;

export function registerDoctor(program: Command, { output }: Pick<Context, "output">): void {
  const command = program
    .command("doctor")
    .description("look at ports, disk, clock, certificates, names and NATS for a server with these settings")
    .addOption(jsonOption());
  for (const option of serveOptions()) command.addOption(option);
  command.action(async ({ json, ...options }: Config & { readonly json?: true }) => {
    const { examine } = await import("../../src/doctor/doctor.ts"); // not loaded for the other commands
    const found = await examine(checkedConfig(command, options));
    if (json) await output.json(found);
    else await output.print(...found.flatMap((finding) => linesOf(finding, output.colours())));
    if (found.some(({ state }) => state === "warning" || state === "ill")) process.exitCode = 1;
  });
}

function linesOf({ part, state, what, mend }: Finding, isColoured: boolean): readonly string[] {
  const mark = marks[state].padEnd(4);
  const shown = isColoured ? `\u001b[${colours[state]}m${mark}\u001b[0m` : mark;
  const first = `${shown}  ${part.padEnd(12)} ${what}`;
  return mend === undefined ? [first] : [first, `${" ".repeat(19)}${mend}`];
}
